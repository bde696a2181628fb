#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"
#include "program.h"
#include "protocol.h"

enum { MOST_KEYS = 8, GRACE = 30000, LAST_GRACE = 3000, LEFTOVER = 65536 };

struct running {
	pid_t pid;
	int master;
	int signals;
	int keys[MOST_KEYS];
	int key_count;
	int status;
	bool exited;
	bool asked; /* to end */
	int64_t deadline;
};

/* HOME comes from the image's /etc/passwd unless it was asked for. */
static char **environment_for(const char *home)
{
	size_t count;
	char **texts = field_texts(configuration, TAG_ENVIRONMENT, &count);
	char **grown = texts == NULL ? NULL : realloc(texts, (count + 3) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	char variable[600];
	if (program_variable(grown, "HOME") == NULL) {
		snprintf(variable, sizeof variable, "HOME=%s", home);
		grown[count++] = strdup(variable);
		grown[count] = NULL;
	}
	if (program_variable(grown, "TERM") == NULL) {
		grown[count++] = strdup("TERM=linux");
		grown[count] = NULL;
	}
	return grown;
}

static void enter_directory(void)
{
	char *path = field_text(configuration, TAG_DIRECTORY);
	if (path == NULL || path[0] == 0)
		return free(path);
	for (size_t i = 1; path[i] != 0; i++) {
		if (path[i] != '/')
			continue;
		path[i] = 0;
		mkdir(path, 0755);
		path[i] = '/';
	}
	mkdir(path, 0755);
	if (chdir(path) < 0)
		say("cannot enter the working directory %s: %s", path, strerror(errno));
	free(path);
}

/* Becomes the image's command, as its user; gives back only where that fails. */
static void execute(bool as_user)
{
	struct failure failure = {.message = "no memory"};
	struct identity identity;
	char *user = field_text(configuration, TAG_USER);
	char **arguments = field_texts(configuration, TAG_ARGUMENT, NULL);
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (user_lookup(root, user == NULL || !as_user ? "" : user, NULL, &identity, &failure) < 0) {
		say("%s", failure.message);
		return;
	}
	close(root);
	const struct credentials credentials = {
		.uid = identity.uid,
		.gid = identity.gid,
		.groups = identity.groups,
		.group_count = identity.group_count,
		.capabilities = ~0ull,
	};
	char **environment = environment_for(identity.home);
	enter_directory();
	if (as_user && fchown(0, identity.uid, (gid_t)-1) < 0)
		say("cannot give the terminal away: %s", strerror(errno));
	char *program = NULL;
	if (arguments != NULL && arguments[0] != NULL && environment != NULL &&
	    (!as_user || program_privileges(&credentials, &failure) == 0))
		program = program_find(arguments[0], environment, &failure);
	if (program != NULL) {
		program_reset_signals();
		execve(program, arguments, environment);
		program_failure(arguments[0], errno, &failure);
	}
	say("%s", failure.message);
}

void command_become(void)
{
	for (int fd = 0; fd < 3; fd++) {
		int console = open("/dev/console", O_RDWR | O_NOCTTY);
		if (console >= 0 && console != fd) {
			dup2(console, fd);
			close(console);
		}
	}
	execute(false);
}

static void run_child(int terminal)
{
	setsid();
	if (ioctl(terminal, TIOCSCTTY, 0) < 0)
		say("the command gets no terminal: %s", strerror(errno));
	for (int fd = 0; fd < 3; fd++)
		dup2(terminal, fd);
	execute(true);
	_exit(127);
}

/* Buttons are keys of input devices; 116 is the one for power. */
static void open_keys(struct running *running)
{
	DIR *folder = opendir("/dev/input");
	struct dirent *entry;
	while (folder != NULL && running->key_count < MOST_KEYS && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "event", 5) != 0)
			continue;
		int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			running->keys[running->key_count++] = fd;
	}
	if (folder != NULL)
		closedir(folder);
}

static bool power_pressed(int fd)
{
	struct input_event events[16];
	ssize_t size;
	bool pressed = false;
	while ((size = read(fd, events, sizeof events)) > 0)
		for (size_t i = 0; i < (size_t)size / sizeof *events; i++)
			pressed |= events[i].type == EV_KEY && events[i].code == KEY_POWER && events[i].value == 1;
	return pressed;
}

static void ask_to_end(struct running *running, int action)
{
	int number = (int)field_number(configuration, TAG_SIGNAL, SIGTERM);
	end_action = action;
	if (running->asked)
		return;
	running->asked = true;
	running->deadline = milliseconds_now() + GRACE;
	say("asked to end");
	kill(running->pid, number > 0 && number < 65 ? number : SIGTERM);
}

static void reap(struct running *running)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == running->pid) {
			running->exited = true;
			running->status = status;
		}
}

/* What reboot(8), halt(8), poweroff(8) of busybox and of sysvinit send, and the kernel at Ctrl-Alt-Del. */
static void take_signals(struct running *running)
{
	struct signalfd_siginfo signal;
	while (read(running->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
		if (signal.ssi_signo == SIGCHLD)
			reap(running);
		else if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
			ask_to_end(running, RB_AUTOBOOT);
		else
			ask_to_end(running, RB_POWER_OFF);
	}
}

/* False once nobody has the terminal open. */
static bool pump_output(struct running *running)
{
	uint8_t data[8192];
	ssize_t size = read(running->master, data, sizeof data);
	if (size > 0)
		console_write(data, (size_t)size);
	return size > 0 || (size < 0 && errno == EAGAIN);
}

static void pump_input(struct running *running, int number)
{
	uint8_t data[1024];
	ssize_t size = read(consoles[number], data, sizeof data);
	/* A terminal that takes no more input drops it, as any terminal does. */
	if (size > 0 && write(running->master, data, (size_t)size) < 0)
		return;
}

static void serve(struct running *running)
{
	bool open = true;
	while (!running->exited) {
		struct pollfd waiting[2 + CONSOLES + MOST_KEYS] = {
			{.fd = running->signals, .events = POLLIN},
			{.fd = open ? running->master : -1, .events = POLLIN},
		};
		for (int i = 0; i < CONSOLES; i++)
			waiting[2 + i] = (struct pollfd){.fd = consoles[i], .events = POLLIN};
		for (int i = 0; i < running->key_count; i++)
			waiting[2 + CONSOLES + i] = (struct pollfd){.fd = running->keys[i], .events = POLLIN};
		int64_t left = running->deadline - milliseconds_now();
		poll(waiting, (nfds_t)(2 + CONSOLES + running->key_count), running->asked ? (left < 0 ? 0 : (int)left) : -1);
		if (running->asked && milliseconds_now() >= running->deadline)
			kill(running->pid, SIGKILL);
		if (waiting[0].revents != 0)
			take_signals(running);
		if (waiting[1].revents != 0)
			open = pump_output(running);
		for (int i = 0; i < CONSOLES; i++)
			if ((waiting[2 + i].revents & POLLIN) != 0)
				pump_input(running, i);
		for (int i = 0; i < running->key_count; i++)
			if (waiting[2 + CONSOLES + i].revents != 0 && power_pressed(running->keys[i]))
				ask_to_end(running, RB_POWER_OFF);
	}
}

static pid_t start(char *const *arguments)
{
	static char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	setsid();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	program_reset_signals();
	execve(arguments[0], arguments, environment);
	_exit(127);
}

/* An ssh server of the image's, its host keys made where it has none yet. */
static void start_ssh(void)
{
	struct failure failure;
	struct identity identity;
	char *generator[] = {"/usr/bin/ssh-keygen", "-A", NULL};
	size_t count;
	char **arguments = field_texts(configuration, TAG_PROGRAM, &count);
	if (arguments == NULL || count == 0)
		return;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (user_lookup(root, "", NULL, &identity, &failure) == 0)
		files_authorize(identity.home, identity.uid, identity.gid);
	close(root);
	mkdir("/run/sshd", 0755);
	mkdir("/etc/dropbear", 0700);
	if (access(generator[0], X_OK) == 0) {
		pid_t pid = start(generator);
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (start(arguments) < 0)
		say("cannot start %s: %s", arguments[0], strerror(errno));
}

/* Everything that still runs, asked first. What it says meanwhile is shown. */
static void end_others(struct running *running)
{
	int64_t end = milliseconds_now() + LAST_GRACE;
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	while (milliseconds_now() < end) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return;
		if (pid > 0)
			continue;
		struct pollfd waiting[] = {{.fd = running->signals, .events = POLLIN}};
		struct signalfd_siginfo signal;
		poll(waiting, 1, 100);
		while (read(running->signals, &signal, sizeof signal) > 0)
			;
	}
	kill(-1, SIGKILL);
}

int command_run(void)
{
	struct failure failure;
	struct running running = {.master = -1};
	int terminal = -1;
	sigset_t signals;
	sigemptyset(&signals);
	static const int taken[] = {SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaddset(&signals, taken[i]);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	running.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	open_keys(&running);
	start_ssh();
	running.master = program_terminal(configuration, &terminal, &failure);
	if (running.master < 0) {
		say("%s", failure.message);
		return 126;
	}
	running.pid = fork();
	if (running.pid == 0)
		run_child(terminal);
	close(terminal);
	if (running.pid < 0) {
		say("cannot start the command: %s", strerror(errno));
		return 126;
	}
	serve(&running);
	for (size_t rest = 0; rest < LEFTOVER && pump_output(&running) && errno != EAGAIN; rest += 8192)
		errno = 0;
	bool asked = running.asked;
	end_others(&running);
	int code = WIFEXITED(running.status) ? WEXITSTATUS(running.status) : 128 + WTERMSIG(running.status);
	return asked ? -1 : code;
}
