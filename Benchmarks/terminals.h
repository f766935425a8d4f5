/*
 * terminals: many WebSocket terminals and a publisher in one process, on one clock.
 * One thread, one epoll instance, nothing beyond libc. `terminals --help` tells the options.
 */
#ifndef TERMINALS_H
#define TERMINALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- options.c ------------------------------------------------------- */

struct options {
	uint16_t port;            /* of the gateway, on 127.0.0.1 */
	uint32_t count;           /* terminals */
	uint32_t first;           /* what {i} is for the first terminal */
	const char *path;         /* template of the request target */
	uint32_t handshakes;      /* handshakes under way at a time */
	double settle, hold;      /* seconds after connecting: to calm down, then idle */
	int pid;                  /* the server's process; 0: nothing is read of it */

	uint16_t api_port;        /* of the HTTP API, on 127.0.0.1; 0: no publisher */
	const char *join_path;    /* PUT once per terminal before it connects; 0: nothing */
	const char *join_body;
	const char *publish_path; /* POST */
	const char *publish_body; /* {p} is the payload */
	uint32_t publishers;      /* keep-alive connections */
	uint32_t in_flight;       /* messages that have not reached all terminals yet */
	uint32_t size;            /* bytes of a payload, at least PAYLOAD_MIN */
	double warm_up, window;   /* seconds */
};

extern struct options options;

void read_options(int argc, char **argv);

/* ---- buffer.c -------------------------------------------------------- */

struct buffer {
	char *bytes;
	size_t length, capacity;
};

void append(struct buffer *, const void *bytes, size_t length);
void append_text(struct buffer *, const char *text);
void append_number(struct buffer *, uint64_t value);
/* Drops `count` bytes from the front. */
void consume(struct buffer *, size_t count);
/* The template with {i} and {p} filled in; other braces stand for themselves, so JSON needs no escaping. */
void append_template(struct buffer *, const char *template, uint64_t i, const char *payload, size_t payload_length);

/* ---- payload.c ------------------------------------------------------- */

/* "c=000;n=0000000001;t=0000000000000000001;" and padding: publishing connection, its sequence number from 1, send time. */
enum { PAYLOAD_MIN = 41 };

struct stamp {
	uint32_t publisher;
	uint64_t number, sent_at;
};

void write_stamp(char *payload, struct stamp);
bool read_stamp(const char *payload, size_t length, struct stamp *);

/* ---- measure.c ------------------------------------------------------- */

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now(void);
/* Processor seconds, user and system, of a process and of this one. */
double process_cpu(int pid);
double own_cpu(void);
/* Resident kB of a process. */
uint64_t resident_kb(int pid);

/* 64 steps per power of two: 1.6 % resolution. */
struct histogram {
	uint64_t count, max, steps[4096];
};

void record(struct histogram *, uint64_t value);
uint64_t quantile(const struct histogram *, double q);

/* ---- subscribers.c --------------------------------------------------- */

struct subscriber_counts {
	uint32_t started, connecting, open, refused, closed;
	uint64_t deliveries, gaps, out_of_order, foreign;
};

extern struct subscriber_counts subscribers;
extern struct histogram latency;
extern bool is_measuring;

void prepare_subscribers(void);
void start_subscriber(void);
void subscriber_event(uint32_t index, uint32_t events);
void close_subscribers(void);

/* ---- publisher.c ----------------------------------------------------- */

struct publisher_counts {
	uint64_t sent, complete, refused;
	uint32_t in_flight;
};

extern struct publisher_counts publishing;

void join_all(void);
void open_publishers(void);
/* Sends as many messages as `in_flight` and the idle connections allow. */
void publish(void);
void publisher_event(uint32_t index, uint32_t events);
/* A subscriber got this message. */
void delivered(struct stamp);

/* ---- loop.c ---------------------------------------------------------- */

enum tag { TAG_SUBSCRIBER, TAG_PUBLISHER };

extern char read_buffer[256 * 1024];
/* For messages to people. */
extern const char *program;

/* Raises the limit of open files, and gives up where `files` are too many. */
void prepare_loop(uint64_t files);
void turn(int milliseconds);
/* Until a point in time, in nanoseconds. */
void idle_until(uint64_t until);
/* Opens `options.count` terminals; `gateway` tells the port for each client. */
void connect_all(uint16_t (*gateway)(uint32_t client));

void watch(int fd, enum tag, uint32_t index);
/* Keeps the first one for the report. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *noted(void);
/* Ends the process with 2: nothing was measured. */
void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
