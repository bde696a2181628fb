/*
 * Removes what a test session has left, as testcontainers' Ryuk does: a client connects to port 8080 and
 * sends lines such as `label=a=b&label=c=d`, each answered with `ACK`. When the last client has been gone
 * for RYUK_RECONNECTION_TIMEOUT, every container, network and volume with the labels of a line is removed
 * through the engine's socket in /var/run/docker.sock.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_CLIENTS = 64, MAX_FILTERS = 256, MAX_LINE = 1024, MAX_ANSWER = 1 << 20, ID_LENGTH = 64 };

struct client {
    char line[MAX_LINE];
    size_t used;
};

static char filters[MAX_FILTERS][MAX_LINE];
static size_t filter_count;
static struct pollfd polled[MAX_CLIENTS + 1];
static struct client clients[MAX_CLIENTS + 1];
static nfds_t polled_count;
static char answer[MAX_ANSWER];

static int die(const char *what)
{
    perror(what);
    exit(1);
}

/* Milliseconds of a duration such as `10s`. */
static int timeout_of(const char *name, int otherwise)
{
    const char *text = getenv(name);
    char *end = NULL;
    long count;

    if (text == NULL)
        return otherwise;
    count = strtol(text, &end, 10);
    if (end == text || count < 0 || count > 3600)
        return otherwise;
    if (strcmp(end, "ms") == 0)
        return (int)count;
    return (int)(strcmp(end, "m") == 0 ? count * 60000 : count * 1000);
}

/* The answer to a request, whole, in `answer`; HTTP/1.0 so that it is one piece. */
static void ask(const char *method, const char *path, const char *query)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock"};
    char request[8 * MAX_LINE];
    size_t used = 0;
    ssize_t got;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int length = snprintf(request, sizeof(request), "%s %s?%s HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n",
                          method, path, query);

    answer[0] = '\0';
    if (fd < 0 || length < 0 || (size_t)length >= sizeof(request))
        return;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && write(fd, request, (size_t)length) == length) {
        while (used < sizeof(answer) - 1 && (got = read(fd, answer + used, sizeof(answer) - 1 - used)) > 0)
            used += (size_t)got;
        answer[used] = '\0';
    } else {
        perror("engine");
    }
    close(fd);
}

static void append(char *query, size_t size, const char *text, bool is_encoded)
{
    size_t used = strlen(query);

    for (; *text != '\0' && used + 4 < size; text += 1) {
        if (is_encoded)
            query[used++] = *text;
        else
            used += (size_t)snprintf(query + used, size - used, "%%%02X", (unsigned char)*text);
    }
    query[used] = '\0';
}

/* `label=a%3Db&label=c` becomes `filters={"label":["a=b","c"]}` with `more` in it, every byte escaped. */
static bool query_of(const char *filter, const char *more, char *query, size_t size)
{
    char copy[MAX_LINE];
    bool any = false;

    snprintf(copy, sizeof(copy), "%s", filter);
    snprintf(query, size, "filters=");
    append(query, size, "{\"label\":[", false);
    for (char *rest = copy, *part; (part = strsep(&rest, "&")) != NULL;) {
        if (strncmp(part, "label=", 6) != 0 || strpbrk(part, "\"\\") != NULL)
            continue;
        append(query, size, any ? ",\"" : "\"", false);
        /* What the client has escaped stays as it is. */
        for (char *at = part + 6; *at != '\0'; at += 1)
            append(query, size, (char[]){*at, '\0'}, *at == '%');
        append(query, size, "\"", false);
        any = true;
    }
    append(query, size, "]", false);
    append(query, size, more, false);
    append(query, size, "}", false);
    return any;
}

/* Deletes every object whose `Id` the last answer names, but not the reaper itself, whose name its host has. */
static unsigned delete_named(const char *folder, const char *query)
{
    static char ids[MAX_FILTERS][ID_LENGTH + 1];
    char path[ID_LENGTH + 64];
    char own[ID_LENGTH + 1] = "none";
    unsigned count = 0;

    gethostname(own, sizeof(own) - 1);
    for (char *at = answer; count < MAX_FILTERS && (at = strstr(at, "\"Id\":\"")) != NULL;) {
        at += 6;
        if (strspn(at, "0123456789abcdef") == ID_LENGTH && strncmp(at, own, strlen(own)) != 0)
            snprintf(ids[count++], sizeof(ids[0]), "%.64s", at);
    }
    for (unsigned index = 0; index < count; index += 1) {
        snprintf(path, sizeof(path), "/%s/%.64s", folder, ids[index]);
        ask("DELETE", path, query);
    }
    return count;
}

static void reap(const char *filter)
{
    char query[4 * MAX_LINE];
    char with_all[4 * MAX_LINE + 8];
    unsigned containers;
    unsigned networks;

    if (!query_of(filter, "", query, sizeof(query)))
        return;
    snprintf(with_all, sizeof(with_all), "all=1&%s", query);
    ask("GET", "/containers/json", with_all);
    containers = delete_named("containers", "force=1&v=1");
    ask("GET", "/networks", query);
    networks = delete_named("networks", "");
    query_of(filter, ",\"all\":[\"true\"]", query, sizeof(query));
    ask("POST", "/volumes/prune", query);
    printf("Removed %u containers, %u networks of %s\n", containers, networks, filter);
}

static void take_line(int fd, char *line)
{
    line[strcspn(line, "\r")] = '\0';
    if (line[0] != '\0' && filter_count < MAX_FILTERS) {
        printf("Adding %s\n", line);
        snprintf(filters[filter_count++], sizeof(filters[0]), "%s", line);
    }
    if (write(fd, "ACK\n", 4) != 4)
        perror("write");
}

/* False where the client has gone. */
static bool read_client(int fd, struct client *client)
{
    ssize_t got = read(fd, client->line + client->used, sizeof(client->line) - 1 - client->used);
    char *end;

    if (got <= 0)
        return false;
    client->used += (size_t)got;
    client->line[client->used] = '\0';
    while ((end = strchr(client->line, '\n')) != NULL) {
        *end = '\0';
        take_line(fd, client->line);
        client->used -= (size_t)(end + 1 - client->line);
        memmove(client->line, end + 1, client->used + 1);
    }
    return client->used < sizeof(client->line) - 1;
}

static void accept_client(void)
{
    int fd = accept(polled[0].fd, NULL, NULL);

    if (fd < 0)
        return;
    if (polled_count > MAX_CLIENTS) {
        close(fd);
        return;
    }
    polled[polled_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    clients[polled_count] = (struct client){.used = 0};
    polled_count += 1;
}

static void serve_ready(void)
{
    for (nfds_t index = polled_count - 1; index > 0; index -= 1) {
        if (polled[index].revents == 0 || read_client(polled[index].fd, &clients[index]))
            continue;
        close(polled[index].fd);
        polled_count -= 1;
        polled[index] = polled[polled_count];
        clients[index] = clients[polled_count];
    }
    if (polled[0].revents != 0)
        accept_client();
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, MAX_CLIENTS) != 0)
        die("listen");
    return fd;
}

int main(void)
{
    int patience = timeout_of("RYUK_CONNECTION_TIMEOUT", 60000);

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    polled[0] = (struct pollfd){.fd = listen_on(8080), .events = POLLIN};
    polled_count = 1;
    printf("Started\n");
    for (;;) {
        int ready = poll(polled, polled_count, polled_count > 1 ? -1 : patience);

        if (ready < 0 && errno != EINTR)
            die("poll");
        if (ready == 0)
            break;
        if (ready < 0)
            continue;
        serve_ready();
        patience = timeout_of("RYUK_RECONNECTION_TIMEOUT", 10000);
    }
    for (size_t index = 0; index < filter_count; index += 1)
        reap(filters[index]);
    return 0;
}
