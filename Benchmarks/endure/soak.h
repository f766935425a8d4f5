/* What the parts of `soak` share: soak.c decides who comes, goes and gets a message; soak_redis.c talks with Redis. */
#ifndef SOAK_H
#define SOAK_H

#include "terminal.h"

/* Terminals at most that are between their token and their second channel. */
enum { OPENING_MOST = 200 };

enum stage { GONE, TOKEN, HANDSHAKING, JOINING, SETTLED, QUIETING, LEFT };

struct place {
	struct terminal terminal;
	enum stage stage;
	enum farewell farewell;
	int answers;           /* to its joins */
	uint64_t client;
	uint64_t from, until;  /* serial numbers of the messages that are its own */
	uint64_t leaves_at;
	uint64_t seen[3];      /* the newest serial number: of its two channels, of messages to itself */
	uint64_t due[3];       /* messages of each kind that it must get, once it is chosen to leave; before, what to subtract */
	uint64_t got[3];       /* those that it has got */
};

struct counts {
	uint32_t opening, settled;
	uint64_t opened, farewells, left[FAREWELLS];
	uint64_t failed, lost, unanswered; /* refused; ended by the node; close frames answered otherwise than by the same code */
	uint64_t direct, channel;          /* messages */
	uint64_t expected, received, between, repeated, foreign; /* deliveries; `between`: to terminals that come or go just then */
};

extern struct place *places;
extern struct counts counts;
extern struct histogram latency_of_interval;

uint32_t channel_of(uint32_t index, int which);

/* ---- soak_redis.c -------------------------------------------------------- */

void prepare_redis(uint16_t redis, uint16_t gateway);
void append_token(struct buffer *, uint64_t client);
/* Answered by `token_stored`. */
void store_token(uint32_t index);
/* Into both channels; answered by `joined` twice. */
void join(uint32_t index);
void publish_direct(uint64_t client, uint64_t serial);
void publish_to_channel(uint32_t channel, uint64_t serial);
/* What was asked for since the last call goes out together. */
void flush_to_redis(void);
void answers_from_redis(uint32_t events);

/* What stands in a message. */
struct label {
	char kind; /* d, c */
	uint64_t target, serial, sent_at;
};

bool read_label(const char *payload, size_t length, struct label *);

void print_sample(const char *phase, double seconds);

/* ---- soak.c -------------------------------------------------------------- */

void token_stored(uint32_t index);
void joined(uint32_t index, uint64_t client);

#endif
