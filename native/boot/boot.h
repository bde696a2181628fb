/*
 * duet-boot: PID 1 of a virtual machine whose disk was made from an image. The initramfs holds it as
 * /init, the modules that hardware may need, and one file of fields that says what to run. It finds the
 * root disk, brings the network up, runs the image's command on the consoles, and powers off after it.
 *
 * The fields (tags as in protocol.h): TAG_ID the root file system's UUID; TAG_HOSTNAME; TAG_NETWORK_KIND
 * dhcp, static or none, with TAG_INTERFACE as in NETWORK and TAG_FILE /etc/resolv.conf for static;
 * TAG_ARGUMENT, TAG_ENVIRONMENT, TAG_DIRECTORY, TAG_USER; TAG_SIGNAL that asks the command to end;
 * TAG_MOUNT_POINT folders to make; TAG_PROGRAM argv of the ssh server and TAG_VALUE its authorized keys;
 * TAG_INIT 1: the command is an init of the image's own and becomes PID 1.
 */
#ifndef DUET_BOOT_H
#define DUET_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "fields.h"

extern struct span configuration;

/* console.c: the screen and the first serial port, as one. */
void console_open(void);
/* One line for people; also before the consoles are open. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void console_write(const uint8_t *data, size_t size);
/* Descriptors of the consoles, -1 where one is missing. */
enum { CONSOLES = 2 };
extern int consoles[CONSOLES];

/* devices.c */
int devices_open(void);
/* Loads what the hardware found so far asks for; how many modules were new. */
int devices_load(void);
/* Waits for the kernel's next event, or `milliseconds`. */
void devices_await(int milliseconds);
void devices_forget(void);

/* root.c */
int root_mount(struct failure *failure);
/* Makes the mounted root "/", with the kernel's file systems in it. */
int root_enter(struct failure *failure);
void root_leave(void);

/* files.c: writes inside the root, whatever links it holds; failures are said. */
void files_prepare(void);
/* A file below the root that init owns, laid over `path`. */
void files_lay(const char *path, const char *content);
void files_authorize(const char *home, uid_t uid, gid_t gid);

/* network.c: gives back once a network is there, or is not to be expected. */
void network_start(void);
/* dhcp.c: keeps a lease for the interface; never returns. */
void dhcp_run(const char *interface, int ready) __attribute__((noreturn));
/* dhcp6.c: keeps one of IPv6, where a router says that there is one to ask for. */
void dhcp6_run(const char *interface) __attribute__((noreturn));

/* command.c */
/* Runs the command to its end; the exit code, or -1 where the machine was asked to end first. */
int command_run(void);
/* Becomes the command; returns only on failure. */
void command_become(void);
/* An action of reboot(2). */
extern int end_action;

#endif
