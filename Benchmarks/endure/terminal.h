/* Terminals that come and go: WebSockets in one thread and one epoll instance. Buffers and RESP are those of ../redis. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "../redis/redis.h"

#include <signal.h>

enum terminal_state { ABSENT, CONNECTING, HANDSHAKE, OPEN, CLOSING };

struct terminal {
	int fd;
	enum terminal_state state; /* CLOSING: our close frame is on its way */
	struct buffer rest;        /* the beginning of a head or a frame that has not come whole */
	uint64_t since;            /* when the state began */
};

/* How a terminal leaves. */
enum farewell { CLOSE_FRAME, FIN, RESET, FAREWELLS };

extern uint16_t gateway_port;
/* 0: as the kernel has them. */
extern int receive_buffer, segment;
/* Without it, what arrives stays with the kernel, and only a reset is noticed. */
extern bool reads;
/* Without it, the program sends the request itself. */
extern bool sends_request;

/* `files`: as many are needed at a time. */
void prepare_terminals(const char *name, uint64_t files);
/* Handles what has happened within so many milliseconds; `others` hears of what was watched with `watch_other`, unless it is 0. */
void turn_terminals(int milliseconds, void (*others)(uint32_t events));
void watch_other(int fd);

void start_terminal(struct terminal *, uint32_t index);
/* With CLOSE_FRAME the terminal stays until the node has answered and ended the connection, else `ended` comes at once. */
void leave(struct terminal *, uint32_t index, enum farewell);
/* Ends it without `ended`. */
void cut_terminal(struct terminal *, enum farewell);
/* Reads what has arrived, if anything has. */
void catch_up(uint32_t index);
/* A pong that nobody has asked for. */
void send_sign_of_life(struct terminal *);

/* ---- of each program --------------------------------------------------- */

struct terminal *terminal_at(uint32_t index);
void append_target(struct buffer *, uint32_t index);
void opened(uint32_t index);
void message(uint32_t index, const char *payload, size_t length, uint64_t at);
/* `code`: of the node's close frame, 0 without one; `why` says more. The terminal is ABSENT now and was `before`. */
void ended(uint32_t index, enum terminal_state before, int code, const char *why);

/* Keeps the first few for the report. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As a JSON list. */
void print_notes(void);
/* For `read_settings`. */
bool no_other_setting(const char *name, const char *value);
/* Set by SIGINT and SIGTERM. */
extern volatile sig_atomic_t is_ending;

#endif
