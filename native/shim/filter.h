/* System calls that QEMU never needs, whoever controls it: the kernel's larger half. */
#ifndef DUET_FILTER_H
#define DUET_FILTER_H

/* For this process and all that it becomes; needs no_new_privs. -1 with errno. */
int filter_apply(void);

#endif
