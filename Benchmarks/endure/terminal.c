#define _GNU_SOURCE
#include "terminal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 6455 §1.3: this key, and the answer that belongs to it. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* Source addresses from 127.0.0.2 on: enough ports for those that wait out TIME_WAIT. */
enum { MAX_HEAD = 16384, SOURCES = 8, NOTES = 20, NOTE_SIZE = 160 };
#define OTHER UINT64_MAX

uint16_t gateway_port;
int receive_buffer, segment;
bool reads = true, sends_request = true;
char read_buffer[256 * 1024];
const char *program = "";
volatile sig_atomic_t is_ending;

static int queue;
static char notes[NOTES][NOTE_SIZE];
static int note_count;

void note(const char *format, ...)
{
	va_list arguments;
	if (note_count == NOTES)
		return;
	char *text = notes[note_count++];
	va_start(arguments, format);
	vsnprintf(text, NOTE_SIZE, format, arguments);
	va_end(arguments);
	for (char *c = text; *c; c++)
		if (*c == '"' || *c == '\\' || (unsigned char)*c < 32)
			*c = '\'';
}

void print_notes(void)
{
	putchar('[');
	for (int k = 0; k < note_count; k++)
		printf("%s\"%s\"", k ? "," : "", notes[k]);
	putchar(']');
}

void give_up(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s: ", program);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

void prepare_terminals(const char *name, uint64_t files)
{
	struct rlimit limit;
	struct sigaction action = { .sa_handler = end };
	program = name;
	sigaction(SIGINT, &action, 0);
	sigaction(SIGTERM, &action, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (files > limit.rlim_max)
		give_up("%llu open files are more than %llu", (unsigned long long)files, (unsigned long long)limit.rlim_max);
	queue = epoll_create1(EPOLL_CLOEXEC);
}

static void watch_tagged(int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };
	if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event))
		give_up("epoll_ctl: %s", strerror(errno));
}

void watch_other(int fd) { watch_tagged(fd, EPOLLIN, OTHER); }

static void enter(struct terminal *terminal, enum terminal_state state)
{
	terminal->state = state;
	terminal->since = now();
}

static void forget(struct terminal *terminal)
{
	close(terminal->fd);
	free(terminal->rest.bytes);
	terminal->rest = (struct buffer){ 0 };
	enter(terminal, ABSENT);
}

static void finish(uint32_t index, int code, const char *why)
{
	struct terminal *terminal = terminal_at(index);
	enum terminal_state before = terminal->state;
	forget(terminal);
	ended(index, before, code, why);
}

void cut_terminal(struct terminal *terminal, enum farewell farewell)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	if (farewell == RESET)
		setsockopt(terminal->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	forget(terminal);
}

void start_terminal(struct terminal *terminal, uint32_t index)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int one = 1;
	enter(terminal, CONNECTING);
	terminal->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (terminal->fd < 0)
		give_up("socket: %s", strerror(errno));
	setsockopt(terminal->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(terminal->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (receive_buffer)
		setsockopt(terminal->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
	if (segment)
		setsockopt(terminal->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + index % SOURCES);
	bind(terminal->fd, (struct sockaddr *)&address, sizeof address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(gateway_port);
	if (connect(terminal->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
		finish(index, 0, strerror(errno));
	else
		watch_tagged(terminal->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, index);
}

static void request(struct terminal *terminal, uint32_t index)
{
	static struct buffer head;
	enter(terminal, HANDSHAKE);
	if (!sends_request)
		return;
	head.length = 0;
	append_text(&head, "GET ");
	append_target(&head, index);
	append_text(&head, " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " KEY "\r\n\r\n");
	if (send(terminal->fd, head.bytes, head.length, MSG_NOSIGNAL) != (ssize_t)head.length)
		finish(index, 0, strerror(errno));
}

void send_sign_of_life(struct terminal *terminal) { send_control(terminal->fd, 10, 0, 0); }

void leave(struct terminal *terminal, uint32_t index, enum farewell farewell)
{
	enum terminal_state before = terminal->state;
	if (farewell == CLOSE_FRAME) {
		send_control(terminal->fd, 8, (const uint8_t *)"\x03\xe8", 2);
		enter(terminal, CLOSING);
		return;
	}
	cut_terminal(terminal, farewell);
	ended(index, before, 0, "we left");
}

/* Takes the whole frames off the front and returns how many bytes they had; 0 also where the connection has ended. */
static size_t take_frames(uint32_t index, const uint8_t *bytes, size_t length, uint64_t at)
{
	struct terminal *terminal = terminal_at(index);
	size_t taken = 0;
	struct frame frame;
	enum reading reading;
	while ((reading = read_frame(bytes + taken, length - taken, UINT16_MAX, &frame)) == WHOLE) {
		if (frame.opcode == 1) {
			message(index, (const char *)frame.payload, frame.size, at);
		} else if (frame.opcode == 9) {
			send_control(terminal->fd, 10, frame.payload, frame.size);
		} else if (frame.opcode == 8) {
			if (terminal->state == OPEN)
				send_control(terminal->fd, 8, frame.payload, frame.size);
			finish(index, close_code(&frame), "a close frame");
			return 0;
		}
		taken += frame.length;
	}
	if (reading == UNEXPECTED) {
		finish(index, 0, "an unexpected frame");
		return 0;
	}
	return taken;
}

/* Takes the 101 off the front; false where it has not come whole or the connection has ended. */
static bool take_head(struct terminal *terminal, uint32_t index)
{
	struct buffer *rest = &terminal->rest;
	char *end = memmem(rest->bytes, rest->length, "\r\n\r\n", 4);
	if (!end) {
		if (rest->length > MAX_HEAD)
			finish(index, 0, "an answer to the handshake without end");
		return false;
	}
	size_t length = (size_t)(end - rest->bytes) + 4;
	if (memcmp(rest->bytes, "HTTP/1.1 101", 12) || !memmem(rest->bytes, length, ACCEPT, strlen(ACCEPT))) {
		char why[64];
		snprintf(why, sizeof why, "answered with %.*s", (int)(length < 40 ? length : 40), rest->bytes);
		finish(index, 0, why);
		return false;
	}
	enter(terminal, OPEN);
	consume(rest, length);
	opened(index);
	return true;
}

static void take(uint32_t index, size_t length)
{
	struct terminal *terminal = terminal_at(index);
	struct buffer *rest = &terminal->rest;
	uint64_t at = now();
	if (terminal->state >= OPEN && !rest->length) {
		size_t taken = take_frames(index, (uint8_t *)read_buffer, length, at);
		if (terminal->state >= OPEN)
			append(rest, read_buffer + taken, length - taken);
		return;
	}
	append(rest, read_buffer, length);
	if (terminal->state == HANDSHAKE && !take_head(terminal, index))
		return;
	size_t taken = take_frames(index, (uint8_t *)rest->bytes, rest->length, at);
	if (terminal->state < OPEN)
		return;
	consume(rest, taken);
	if (!rest->length) {
		free(rest->bytes);
		*rest = (struct buffer){ 0 };
	}
}

static void terminal_event(uint32_t index, uint32_t events)
{
	struct terminal *terminal = terminal_at(index);
	if (terminal->state == CONNECTING && events & EPOLLOUT && !(events & (EPOLLERR | EPOLLHUP)))
		request(terminal, index);
	if (!reads) {
		if (events & (EPOLLERR | EPOLLHUP) && terminal->state != ABSENT)
			finish(index, 0, "reset by the node");
		return;
	}
	/* Edge-triggered: a read that does not fill the buffer has emptied the socket, unless the peer has ended it. */
	while (terminal->state != ABSENT && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		ssize_t length = read(terminal->fd, read_buffer, sizeof read_buffer);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (length <= 0) {
			finish(index, 0, length ? strerror(errno) : "ended by the node");
			return;
		}
		take(index, (size_t)length);
		if ((size_t)length < sizeof read_buffer && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
			return;
	}
}

void catch_up(uint32_t index)
{
	if (terminal_at(index)->state != ABSENT)
		terminal_event(index, EPOLLIN | EPOLLRDHUP);
}

void turn_terminals(int milliseconds, void (*others)(uint32_t events))
{
	static struct epoll_event events[512];
	int count = epoll_wait(queue, events, 512, milliseconds);
	for (int k = 0; k < count; k++)
		if (events[k].data.u64 != OTHER)
			terminal_event((uint32_t)events[k].data.u64, events[k].events);
		else if (others)
			others(events[k].events);
}

bool no_other_setting(const char *name, const char *value)
{
	(void)name, (void)value;
	return false;
}
