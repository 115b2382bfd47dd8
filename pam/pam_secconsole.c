/* pam_secconsole.so relays a PAM conversation to `secconsole pam-agent`, which asks and decides.
 *
 *   auth required pam_secconsole.so [socket=PATH] [tenant=NAME] [timeout=SECONDS] [use_first_pass]
 *
 * Frames, in both directions: one letter, four decimal digits of length, and that many bytes.
 *   to the agent:    v version, o tenant, u user, h host, s service, t terminal, p password, g go; R reply, X ended
 *   from the agent:  I information, E error, P prompt, S prompt without echo; Y accepted, N refused, U unavailable
 *
 * Every failure denies. Lengths are checked before anything is read, and whatever held a password is cleared.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define LONGEST 9999        /* bytes of a frame's text */
#define MOST_FRAMES 100     /* of one conversation */
#define MOST_SECONDS 600

struct options {
    const char *socket, *tenant;
    long seconds;           /* that the agent may take for each answer */
    int use_first_pass;
};

static int parse_options(pam_handle_t *pamh, int argc, const char **argv, struct options *found) {
    for (int i = 0; i < argc; i++) {
        char *end = NULL;
        if (!strncmp(argv[i], "socket=/", 8)) found->socket = argv[i] + 7;
        else if (!strncmp(argv[i], "tenant=", 7)) found->tenant = argv[i] + 7;
        else if (!strcmp(argv[i], "use_first_pass")) found->use_first_pass = 1;
        else if (!strncmp(argv[i], "timeout=", 8) && (found->seconds = strtol(argv[i] + 8, &end, 10)) > 0
                 && found->seconds <= MOST_SECONDS && !*end) continue;
        else {
            pam_syslog(pamh, LOG_ERR, "refusing every sign-in: option not understood: %s", argv[i]);
            return -1;
        }
    }
    return 0;
}

static long long now_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (long long)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* Send or receive exactly that many bytes before a time as `now_ms` tells it. */
static int transfer(int fd, char *at, size_t left, short direction, long long until) {
    while (left) {
        long long wait = until - now_ms();
        struct pollfd poller = {.fd = fd, .events = direction};
        int ready = wait > 0 ? poll(&poller, 1, (int)wait) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) errno = ETIMEDOUT;
        if (ready <= 0) return -1;
        ssize_t done = direction == POLLOUT ? send(fd, at, left, MSG_NOSIGNAL) : recv(fd, at, left, 0);
        if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (done == 0) errno = ECONNRESET;
        if (done <= 0) return -1;
        at += done;
        left -= (size_t)done;
    }
    return 0;
}

static int put(int fd, char kind, const char *text, long long until) {
    size_t length = text ? strlen(text) : 0;
    char head[6];
    if (length > LONGEST) {
        errno = EMSGSIZE;
        return -1;
    }
    snprintf(head, sizeof head, "%c%04u", kind, (unsigned)length);
    if (transfer(fd, head, 5, POLLOUT, until)) return -1;
    return length ? transfer(fd, (char *)text, length, POLLOUT, until) : 0;
}

/* `text` has room for LONGEST bytes and a zero. A zero within would hide the rest, so it is refused. */
static int get(int fd, char *kind, char *text, long long until) {
    char head[5];
    size_t length = 0;
    if (transfer(fd, head, 5, POLLIN, until)) return -1;
    for (int i = 1; i < 5; i++) {
        if (head[i] < '0' || head[i] > '9') {
            errno = EPROTO;
            return -1;
        }
        length = length * 10 + (size_t)(head[i] - '0');
    }
    if (transfer(fd, text, length, POLLIN, until)) return -1;
    text[length] = 0;
    if (memchr(text, 0, length)) {
        errno = EPROTO;
        return -1;
    }
    *kind = head[0];
    return 0;
}

/* Ask the user, and send the reply. An empty one is the end of the user's input, or as good as that. */
static int relay(pam_handle_t *pamh, int fd, char kind, const char *text, long milliseconds) {
    char *reply = NULL;
    int style = kind == 'P' ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF;
    int result = pam_prompt(pamh, style, &reply, "%s", text);
    if (result == PAM_SUCCESS && !reply) result = PAM_CONV_ERR;
    if (result == PAM_SUCCESS && put(fd, 'R', reply, now_ms() + milliseconds)) result = PAM_AUTHINFO_UNAVAIL;
    if (reply) {
        explicit_bzero(reply, strlen(reply));
        free(reply);
    }
    return result;
}

static int converse(pam_handle_t *pamh, int fd, char *text, long milliseconds, int silent) {
    for (int i = 0; i < MOST_FRAMES; i++) {
        char kind;
        int result = PAM_SUCCESS;
        if (get(fd, &kind, text, now_ms() + milliseconds)) break;
        if (kind == 'Y') return PAM_SUCCESS;
        if (kind == 'N') return PAM_AUTH_ERR;
        if (kind == 'U') {
            pam_syslog(pamh, LOG_ERR, "refused: the agent cannot reach its store");
            return PAM_AUTHINFO_UNAVAIL;
        }
        if (kind == 'I') result = silent ? PAM_SUCCESS : pam_info(pamh, "%s", text);
        else if (kind == 'E') result = silent ? PAM_SUCCESS : pam_error(pamh, "%s", text);
        else if (kind == 'P' || kind == 'S') result = relay(pamh, fd, kind, text, milliseconds);
        else {
            errno = EPROTO;
            break;
        }
        if (result != PAM_SUCCESS) {
            put(fd, 'X', "", now_ms() + milliseconds);
            return result;
        }
    }
    pam_syslog(pamh, LOG_ERR, "refused: the conversation with the agent broke off: %s", strerror(errno));
    return PAM_AUTHINFO_UNAVAIL;
}

static int introduce(pam_handle_t *pamh, int fd, const char *user, const struct options *given) {
    static const struct { char kind; int item; } items[] = {
        {'h', PAM_RHOST}, {'s', PAM_SERVICE}, {'t', PAM_TTY}, {'p', PAM_AUTHTOK},
    };
    long long until = now_ms() + given->seconds * 1000;
    if (put(fd, 'v', "1", until) || put(fd, 'o', given->tenant, until) || put(fd, 'u', user, until)) return -1;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        const void *value = NULL;
        if (items[i].item == PAM_AUTHTOK && !given->use_first_pass) continue;
        if (pam_get_item(pamh, items[i].item, &value) == PAM_SUCCESS && value
            && put(fd, items[i].kind, value, until)) return -1;
    }
    return put(fd, 'g', "", until);
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
    struct options given = {"/run/secconsole-pam/pam.sock", "", 110, 0};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *user = NULL;
    int result = PAM_AUTHINFO_UNAVAIL;
    if (parse_options(pamh, argc, argv, &given)) return PAM_AUTHINFO_UNAVAIL;
    if (pam_get_user(pamh, &user, NULL) != PAM_SUCCESS || !user || !*user) return PAM_USER_UNKNOWN;
    if (strlen(given.socket) >= sizeof to.sun_path) {
        pam_syslog(pamh, LOG_ERR, "refusing every sign-in: the path of the socket is too long");
        return PAM_AUTHINFO_UNAVAIL;
    }
    strcpy(to.sun_path, given.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char *text = malloc(LONGEST + 1);
    if (fd < 0 || !text || connect(fd, (struct sockaddr *)&to, sizeof to) || introduce(pamh, fd, user, &given))
        pam_syslog(pamh, LOG_ERR, "refusing every sign-in: no agent at %s: %s", given.socket, strerror(errno));
    else
        result = converse(pamh, fd, text, given.seconds * 1000, (flags & (int)PAM_SILENT) != 0);
    if (text) {
        explicit_bzero(text, LONGEST + 1);
        free(text);
    }
    if (fd >= 0) close(fd);
    return result;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}
