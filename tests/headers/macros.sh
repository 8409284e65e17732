#!/usr/bin/env bash
# <xgrad/xgrad.hpp> compiles after other headers, whatever short names their macros have:
# tests/headers/macros.sh COMPILER INCLUDE_DIRECTORY
set -eu
compiler=$1
include=$2

# check WHAT: compiles the standard input with xgrad's header behind it.
check() {
  { cat; echo '#include <xgrad/xgrad.hpp>'; } |
    "$compiler" -std=gnu++20 -fsyntax-only -w -D_GNU_SOURCE -I"$include" -xc++ - ||
    { echo "xgrad.hpp does not compile after $1" >&2; exit 1; }
}

# Of C, POSIX, glibc, ncurses and X11, where they are there.
platform="
  aio aliases alloca ar argp argz arpa/ftp arpa/inet arpa/nameser arpa/nameser_compat arpa/telnet
  arpa/tftp assert byteswap complex cpio ctype curses dirent dlfcn elf endian envz err errno error
  eti execinfo fcntl features fenv fmtmsg fnmatch form fpu_control fstab fts ftw gconv getopt glob
  gnu-versions grp gshadow iconv ieee754 ifaddrs inttypes langinfo lastlog libgen libintl limits
  link locale malloc math mcheck memory menu mntent monetary mqueue ncurses ncurses_dll net/ethernet
  net/if net/if_arp net/if_packet net/if_ppp net/if_shaper net/if_slip net/ppp-comp net/ppp_defs
  net/route netax25/ax25 netdb netinet/ether netinet/icmp6 netinet/if_ether netinet/if_fddi
  netinet/if_tr netinet/igmp netinet/in netinet/in_systm netinet/ip netinet/ip6 netinet/ip_icmp
  netinet/tcp netinet/udp netpacket/packet nl_types nss obstack panel paths poll printf
  protocols/routed protocols/rwhod protocols/talkd protocols/timed pthread pty pwd re_comp regex
  resolv rpc/netdb sched search semaphore setjmp sgtty shadow signal spawn stab stdint stdio
  stdio_ext stdlib string strings sys/acct sys/auxv sys/bitypes sys/cdefs sys/debugreg sys/dir
  sys/epoll sys/errno sys/eventfd sys/fanotify sys/fcntl sys/file sys/fsuid sys/gmon sys/gmon_out
  sys/inotify sys/io sys/ioctl sys/ipc sys/kd sys/klog sys/mman sys/mount sys/msg sys/mtio sys/param
  sys/pci sys/perm sys/personality sys/pidfd sys/poll sys/prctl sys/procfs sys/profil sys/ptrace
  sys/queue sys/quota sys/random sys/raw sys/reboot sys/reg sys/resource sys/rseq sys/select sys/sem
  sys/sendfile sys/shm sys/signal sys/signalfd sys/single_threaded sys/socket sys/socketvar
  sys/soundcard sys/stat sys/statfs sys/statvfs sys/swap sys/syscall sys/sysinfo sys/syslog
  sys/sysmacros sys/termios sys/time sys/timeb sys/timerfd sys/times sys/timex sys/ttychars
  sys/ttydefaults sys/types sys/ucontext sys/uio sys/un sys/unistd sys/user sys/utsname sys/vfs
  sys/vlimit sys/vt sys/wait sys/xattr syscall sysexits syslog tar term term_entry termcap termio
  termios tgmath thread_db threads time ttyent uchar ucontext ulimit unctrl unistd utime utmp utmpx
  values wait wchar wctype wordexp
  X11/X X11/Xlib X11/Xutil X11/Xatom X11/Xresource X11/keysym"
# Of Linux, those that people include.
linux="
  linux/aio_abi linux/audit linux/auxvec linux/binfmts linux/bpf linux/capability linux/cdrom
  linux/const linux/dm-ioctl linux/dma-buf linux/errno linux/ethtool linux/falloc linux/fanotify
  linux/fb linux/fd linux/filter linux/fs linux/fscrypt linux/fuse linux/futex linux/genetlink
  linux/hdreg linux/hidraw linux/i2c linux/i2c-dev linux/if_addr linux/if_alg linux/if_bridge
  linux/if_ether linux/if_link linux/if_tun linux/if_vlan linux/in6 linux/input linux/io_uring
  linux/ioctl linux/kernel linux/kexec linux/keyctl linux/kvm linux/limits linux/loop linux/magic
  linux/major linux/media linux/mempolicy linux/mman linux/module linux/mount linux/neighbour
  linux/netfilter linux/netlink linux/nl80211 linux/param linux/pci linux/perf_event linux/pkt_sched
  linux/prctl linux/ptrace linux/random linux/rtc linux/rtnetlink linux/sched linux/seccomp
  linux/securebits linux/serial linux/sock_diag linux/socket linux/sockios linux/soundcard
  linux/spi/spidev linux/stat linux/stddef linux/string linux/swab linux/sysinfo linux/tls linux/tty
  linux/types linux/uinput linux/unistd linux/userfaultfd linux/uuid linux/vfio linux/videodev2
  linux/virtio_ids linux/vm_sockets linux/vt linux/wait linux/watchdog linux/wireless linux/xattr
  linux/zorro"
for name in $platform $linux; do
  printf '#if __has_include(<%s.h>)\n#include <%s.h>\n#endif\n' "$name" "$name"
done | check "the headers of the platform"

# Macros of headers that may not be installed here, behind the standard library's, which some break.
define() { for name in $1; do echo "#define $name $2"; done; }
{
  echo '#include <bits/stdc++.h>'
  # X11
  define "None Bool Status True False Success Always Above Below Complex Convex Nonconvex Unsorted
    YSorted Expose KeyPress KeyRelease FocusIn FocusOut CursorShape GrayScale StaticGray StaticColor
    PseudoColor TrueColor DirectColor Opposite RootWindow DestroyAll GenericEvent" 0
  # Windows
  define "near far small hyper interface IN OUT INOUT OPTIONAL CALLBACK WINAPI CONST VOID STRICT pascal
    cdecl" ""
  define "ERROR DELETE TRUE FALSE BOOL BYTE DOMAIN OVERFLOW UNDERFLOW DIFFERENCE ABSOLUTE RELATIVE
    TRANSPARENT OPAQUE IGNORE NO_ERROR HUGE Yield GetObject GetMessage SendMessage CreateFile
    DeleteFile LoadImage DrawText Rectangle" 0
  define "min(a,b) max(a,b)" 0
  # curses; for C++, ncurses leaves out what the standard library has: move, clear, erase, box
  define "OK ERR lines columns COLS LINES stdscr curscr" 0
  define "timeout(t) scroll(w) filter() border(l,r,t,b,a,c,d,e) echo() addch(c) getch() instr(s)" 0
  # others
  define "I J _Complex_I R imaginary emit slots signals foreach forever nil YES NO B0 B1 PI" 0
  define "F(s) bytes(t) check(c) verify(c) require(c) likely(x) sq(x) round(x) constrain(x,a,b)" 0
} | check "short names"
