# Commands for a fresh Debian or Ubuntu machine; CMake's presets do the work.
#
#   make demo    trains the assignment's network on MNIST and shows what it learned
#   make test    builds and runs the whole test suite
#
#   make certificate   measures the derivatives of every operation, as a page and as JSON
#   make docs    a reference of all public names, to be opened in a browser
#   make bench   measures xgrad beside libtorch, which it installs (500 MB)
#   make test-libtorch  compares what both give for the same inputs, where libtorch is installed
#
# And two that make the course assignment's paper:
#
#   make assignment  reruns everything it shows, from the data to the PDF
#   make paper       builds the PDF from the results that are there

.PHONY: demo test certificate docs bench test-libtorch packages assignment paper clean

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

certificate: packages
	cmake --preset release
	cmake --build --preset release --target certificate
	build/release/tests/certificate/certificate build/release/certificate

docs:
	./install-packages packages.txt packages-docs.txt
	cmake --preset release
	cmake --build --preset release --target docs
	@echo "The reference: file://$(CURDIR)/build/release/docs/html/index.html"

bench:
	./install-packages packages.txt packages-bench.txt
	cmake --preset release
	cmake --build --preset release --target bench_xgrad bench_libtorch script_xgrad script_libtorch
	benchmarks/compare.py --one-thread $(BENCH)

test-libtorch: packages
	cmake --preset release
	cmake --build --preset release --target test-libtorch

assignment: packages
	docs/assignment/reproduce

paper:
	docs/assignment/build

packages:
	@./install-packages

clean:
	rm -rf build
