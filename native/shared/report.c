#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_report(int socket, const struct report *report, int descriptor)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {(void *)report, sizeof *report};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	if (descriptor >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	}
	while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void report_ready(int socket, int terminal)
{
	struct report report = {.kind = REPORT_READY};
	send_report(socket, &report, terminal);
}

void report_pid(int socket, int pid)
{
	struct report report = {.kind = REPORT_PID, .number = pid};
	send_report(socket, &report, -1);
}

void report_failed(int socket, const struct failure *failure)
{
	struct report report = {.kind = REPORT_FAILED, .number = failure->number};
	snprintf(report.class, sizeof report.class, "%s", failure->class == NULL ? "internal" : failure->class);
	snprintf(report.code, sizeof report.code, "%s", failure->code);
	snprintf(report.message, sizeof report.message, "%s", failure->message);
	send_report(socket, &report, -1);
}

void report_failure(const struct report *report, struct failure *failure)
{
	*failure = (struct failure){.class = report->class, .code = report->code, .number = report->number};
	memcpy(failure->message, report->message, sizeof failure->message);
}

int report_receive(int socket, struct report *report, int *terminal)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {report, sizeof *report};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	*terminal = -1;
	ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
		memcpy(terminal, CMSG_DATA(header), sizeof *terminal);
	if (size != sizeof *report)
		return 0;
	report->class[sizeof report->class - 1] = 0;
	report->code[sizeof report->code - 1] = 0;
	report->message[sizeof report->message - 1] = 0;
	return 1;
}
