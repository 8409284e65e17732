# Two commands for a fresh Debian or Ubuntu machine; CMake's presets do the work.
#
#   make demo    trains the assignment's network on MNIST and shows what it learned
#   make test    builds and runs the whole test suite

.PHONY: demo test packages clean

demo: packages
	cmake --preset release
	cmake --build --preset release --target mnist
	build/release/examples/mnist --net baseline --or-fashion --save build/release/mnist.safetensors \
	  --report build/release/report
	@echo "What it learned, to look at: file://$(CURDIR)/build/release/report/index.html"

test: packages
	cmake --preset release
	cmake --build --preset release
	ctest --preset release

packages:
	@./install-packages

clean:
	rm -rf build
