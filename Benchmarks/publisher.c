#define _GNU_SOURCE
#include "terminals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct publisher {
	int fd;
	uint64_t number;    /* of the newest message */
	uint32_t *missing;  /* by number modulo --in-flight: terminals that do not have the message yet */
	struct buffer answer;
};

struct publisher_counts publishing;

static struct publisher *all;
static uint32_t *idle, idle_count; /* the last one back goes first */

static int connect_to_api(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options.api_port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
		give_up("connecting to the API: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static void send_request(int fd, const char *method, const char *path, const struct buffer *body)
{
	static struct buffer request;
	request.length = 0;
	append_text(&request, method);
	append_text(&request, " ");
	append_text(&request, path);
	append_text(&request, " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ");
	append_number(&request, body->length);
	append_text(&request, "\r\n\r\n");
	append(&request, body->bytes, body->length);
	/* One small request at a time: the socket's buffer has room for it. */
	if (send(fd, request.bytes, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
		give_up("sending to the API: %s", strerror(errno));
}

/* Takes an answer off the front and returns its status, or 0 where it has not come whole. */
static int take_answer(struct buffer *answer)
{
	char *end = answer->length ? memmem(answer->bytes, answer->length, "\r\n\r\n", 4) : 0;
	if (!end)
		return 0;
	size_t head = (size_t)(end - answer->bytes) + 4, body = 0;
	append(answer, "", 1); /* ends the text for the functions below */
	answer->length--;
	int status = head > 12 ? atoi(answer->bytes + 9) : 0;
	const char *line = strcasestr(answer->bytes, "\r\ncontent-length:");
	if (line && line < answer->bytes + head)
		body = strtoull(line + 17, 0, 10);
	if (answer->length < head + body)
		return 0;
	if (status < 200 || status > 299)
		note("the API answered %d %.*s", status, (int)(body < 100 ? body : 100), answer->bytes + head);
	consume(answer, head + body);
	return status;
}

static bool read_answer(struct publisher *publisher)
{
	ssize_t length = read(publisher->fd, read_buffer, sizeof read_buffer);
	if (length < 0 && errno == EAGAIN)
		return false;
	if (length <= 0)
		give_up("reading from the API: %s", length ? strerror(errno) : "the connection was ended");
	append(&publisher->answer, read_buffer, (size_t)length);
	return true;
}

void join_all(void)
{
	struct publisher publisher = { .fd = connect_to_api() };
	struct buffer path = { 0 }, body = { 0 };
	for (uint32_t k = 0; k < options.count; k++) {
		int status;
		path.length = body.length = 0;
		append_template(&path, options.join_path, options.first + (uint64_t)k, 0, 0);
		append(&path, "", 1);
		append_template(&body, options.join_body, options.first + (uint64_t)k, 0, 0);
		send_request(publisher.fd, "PUT", path.bytes, &body);
		while (!(status = take_answer(&publisher.answer)))
			read_answer(&publisher);
		if (status < 200 || status > 299)
			give_up("PUT %s was answered with %d", path.bytes, status);
	}
	close(publisher.fd);
	free(publisher.answer.bytes);
	free(path.bytes);
	free(body.bytes);
}

void open_publishers(void)
{
	all = calloc(options.publishers, sizeof *all);
	idle = calloc(options.publishers, sizeof *idle);
	if (!all || !idle)
		give_up("out of memory");
	for (uint32_t k = 0; k < options.publishers; k++) {
		all[k].fd = connect_to_api();
		all[k].missing = calloc(options.in_flight, sizeof *all[k].missing);
		if (!all[k].missing)
			give_up("out of memory");
		fcntl(all[k].fd, F_SETFL, fcntl(all[k].fd, F_GETFL) | O_NONBLOCK);
		watch(all[k].fd, TAG_PUBLISHER, k);
		idle[idle_count++] = k;
	}
}

void publish(void)
{
	static struct buffer body;
	static char *payload;
	if (!payload) {
		payload = malloc(options.size);
		if (!payload)
			give_up("out of memory");
		memset(payload, 'x', options.size);
	}
	while (publishing.in_flight < options.in_flight && idle_count) {
		uint32_t index = idle[--idle_count];
		struct publisher *publisher = &all[index];
		publisher->number++;
		/* At most --in-flight messages are under way, and this connection's are numbered in a row: the place is free. */
		publisher->missing[publisher->number % options.in_flight] = subscribers.open;
		publishing.sent++;
		publishing.in_flight++;
		write_stamp(payload, (struct stamp){ index, publisher->number, now() });
		body.length = 0;
		append_template(&body, options.publish_body, index, payload, options.size);
		send_request(publisher->fd, "POST", options.publish_path, &body);
	}
}

void publisher_event(uint32_t index, uint32_t events)
{
	struct publisher *publisher = &all[index];
	int status;
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) || !read_answer(publisher))
		return;
	while ((status = take_answer(&publisher->answer))) {
		if (status < 200 || status > 299) {
			publishing.refused++;
			publishing.in_flight--;
		}
		idle[idle_count++] = index;
	}
}

void delivered(struct stamp stamp)
{
	struct publisher *publisher = &all[stamp.publisher];
	uint32_t *missing = &publisher->missing[stamp.number % options.in_flight];
	if (stamp.number > publisher->number || !*missing)
		return;
	if (!--*missing) {
		publishing.complete++;
		publishing.in_flight--;
	}
}
