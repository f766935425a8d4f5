#define _GNU_SOURCE
#include "latency.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What `watch` calls them. */
enum source { REDIS, TIMER };

static int redis, timer;
static double interval; /* nanoseconds from one message to the next */
static struct buffer answer;
static struct stream *current;
static uint64_t started_at, sent; /* of the current stream */

/* Nobody waits for a message here: they go out by the clock. */
void delivered(struct stamp stamp) { (void)stamp; }

void open_stream(uint16_t redis_port, double messages_per_second)
{
	interval = 1e9 / messages_per_second;
	redis = connect_to_redis(redis_port);
	fcntl(redis, F_SETFL, fcntl(redis, F_GETFL) | O_NONBLOCK);
	watch(redis, TAG_PUBLISHER, REDIS);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer < 0)
		give_up("timerfd: %s", strerror(errno));
	watch(timer, TAG_PUBLISHER, TIMER);
}

static uint64_t next_time(void) { return started_at + (uint64_t)((double)sent * interval); }

static void set_timer(uint64_t at)
{
	struct itimerspec time = { .it_value = { (time_t)(at / 1000000000u), (long)(at % 1000000000u) } };
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &time, 0);
}

static void send_one(void)
{
	static struct buffer request, body;
	static char *payload;
	uint64_t receiver = current->sent % options.count, number = current->sent / options.count + 1;
	if (!payload && !(payload = malloc(options.size)))
		give_up("out of memory");
	request.length = body.length = 0;
	uint64_t at = now();
	write_payload(payload, options.size, (struct stamp){ 0, number, at });
	append_direct(&body, 1000000000, options.first + receiver, payload, options.size);
	append_publish(&request, current->channel, &body);
	send_to_redis(redis, &request);
	if (is_measuring)
		record(&current->late, at - next_time());
	current->sent++;
	sent++;
}

static void send_due(void)
{
	while (current && now() >= next_time())
		send_one();
	if (current)
		set_timer(next_time());
}

void publisher_event(uint32_t index, uint32_t events)
{
	uint64_t expirations;
	int64_t receivers;
	(void)events;
	if (index == TIMER) {
		if (read(timer, &expirations, sizeof expirations) == sizeof expirations)
			send_due();
		return;
	}
	while (read_from_redis(redis, &answer))
		while (take_integer(&answer, &receivers))
			if (current && !receivers)
				current->unreceived++;
}

void send_until(struct stream *stream, uint64_t until)
{
	current = stream;
	started_at = now();
	sent = 0;
	set_timer(started_at);
	idle_until(until);
	current = 0;
}
