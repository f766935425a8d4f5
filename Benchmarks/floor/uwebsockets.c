/*
 * uwebsockets - uWebSockets as a channel of all its clients: each subscribes to one topic, and what comes on a Redis
 * channel, lines "B <text>" as for the floor, is published to it. No authentication, no presence, no heartbeats.
 *
 *   uwebsockets PORT REDIS-HOST:PORT REDIS-CHANNEL
 *
 * Linked with the library of the Python package socketify, which exports the C interface of uWebSockets, and with libuv,
 * on which that library runs. Declared here is what is used of both; neither comes with headers.
 */
#include "subscription.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- libuv, 1.x ------------------------------------------------------ */

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_poll_s uv_poll_t;
enum { UV_POLL = 8, UV_READABLE = 1, UV_RUN_DEFAULT = 0 };

uv_loop_t *uv_default_loop(void);
size_t uv_handle_size(int type);
int uv_poll_init(uv_loop_t *, uv_poll_t *, int fd);
int uv_poll_start(uv_poll_t *, int events, void (*callback)(uv_poll_t *, int status, int events));
int uv_run(uv_loop_t *, int mode);

/* ---- uWebSockets, as socketify 0.0.31 has it ------------------------- */

typedef struct uws_app_s uws_app_t;
typedef struct uws_websocket_s uws_websocket_t;
struct us_listen_socket_t;

struct us_socket_context_options_t {
	const char *key_file_name, *cert_file_name, *passphrase, *dh_params_file_name, *ca_file_name, *ssl_ciphers;
	int ssl_prefer_low_memory_usage;
};

typedef struct {
	int compression;
	unsigned maxPayloadLength;
	unsigned short idleTimeout;
	unsigned maxBackpressure;
	bool closeOnBackpressureLimit, resetIdleTimeoutOnSend, sendPingsAutomatically;
	unsigned short maxLifetime;
	void (*upgrade)(void);
	void (*open)(uws_websocket_t *, void *user_data);
	void (*message)(void);
	void (*drain)(void);
	void (*ping)(void);
	void (*pong)(void);
	void (*close)(void);
	void (*subscription)(void);
} uws_socket_behavior_t;

typedef struct {
	int port;
	const char *host;
	int options;
} uws_app_listen_config_t;

enum { TEXT = 1, PLAIN = 0 };

void *uws_get_loop_with_native(void *uv_loop);
uws_app_t *uws_create_app(int ssl, struct us_socket_context_options_t);
void uws_ws(int ssl, uws_app_t *, const char *pattern, uws_socket_behavior_t, void *user_data);
bool uws_ws_subscribe(int ssl, uws_websocket_t *, const char *topic, size_t length);
bool uws_publish(int ssl, uws_app_t *, const char *topic, size_t topic_length, const char *message, size_t length,
		 int opcode, bool compress);
void uws_app_listen_with_config(int ssl, uws_app_t *, uws_app_listen_config_t,
				void (*)(struct us_listen_socket_t *, uws_app_listen_config_t, void *user_data), void *user_data);

/* ---------------------------------------------------------------------- */

static const char topic[] = "room";
static uws_app_t *app;
static int redis;
static char input[1 << 20];
static size_t input_length;

static void opened(uws_websocket_t *socket, void *user_data)
{
	(void)user_data;
	uws_ws_subscribe(PLAIN, socket, topic, sizeof topic - 1);
}

static void message(const char *body, size_t length)
{
	if (length > 2 && body[0] == 'B')
		uws_publish(PLAIN, app, topic, sizeof topic - 1, body + 2, length - 2, TEXT, false);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
	ssize_t length = read(redis, input + input_length, sizeof input - input_length);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		fputs("uwebsockets: the connection to Redis has ended\n", stderr);
		exit(1);
	}
	input_length += (size_t)length;
	size_t taken = take_bodies(input, input_length, message);
	input_length -= taken;
	memmove(input, input + taken, input_length);
}

static void listening(struct us_listen_socket_t *socket, uws_app_listen_config_t config, void *user_data)
{
	(void)user_data;
	if (!socket) {
		fprintf(stderr, "uwebsockets: cannot listen at port %d\n", config.port);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct rlimit files;
	if (argc != 4) {
		fputs("usage: uwebsockets PORT REDIS-HOST:PORT REDIS-CHANNEL\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);

	uv_loop_t *loop = uv_default_loop();
	uws_get_loop_with_native(loop);
	app = uws_create_app(PLAIN, (struct us_socket_context_options_t){ 0 });
	uws_ws(PLAIN, app, "/*", (uws_socket_behavior_t){
		.maxPayloadLength = 64 * 1024, .maxBackpressure = 1024 * 1024, .open = opened }, 0);
	uws_app_listen_with_config(PLAIN, app, (uws_app_listen_config_t){ atoi(argv[1]), "127.0.0.1", 0 }, listening, 0);

	redis = subscribe(argv[2], argv[3]);
	uv_poll_t *poll = malloc(uv_handle_size(UV_POLL));
	if (!poll || uv_poll_init(loop, poll, redis) || uv_poll_start(poll, UV_READABLE, readable)) {
		fputs("uwebsockets: cannot poll\n", stderr);
		return 1;
	}
	return uv_run(loop, UV_RUN_DEFAULT);
}
