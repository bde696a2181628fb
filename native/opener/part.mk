# A library that QEMU is started with, and the only part that is not a static program: no C library in it.
PROGRAMS += $(OUT)/duet-opener.so

$(OUT)/duet-opener.so: $(NATIVE)/opener/opener.c $(NATIVE)/opener/part.mk | $(OUT)
	$(MUSL_CC) $(filter-out -static -fstack-protector-strong,$(MUSL_FLAGS)) -fno-stack-protector -fPIC -shared -nostdlib -o $@.tmp$$$$ $< && mv $@.tmp$$$$ $@
