#include "terminals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options options = {
	.path = "/ws?client={i}",
	.first = 1,
	.handshakes = 64,
	.settle = 2,
	.publish_path = "/v1/channels/room/messages",
	.publish_body = "{\"text\":\"{p}\"}",
	.join_body = "{\"channels\":[\"room\"]}",
	.in_flight = 1,
	.size = 128,
	.warm_up = 1,
	.window = 5,
};

static const char help[] =
"terminals: WebSocket terminals and a publisher, in one thread and on one clock\n"
"\n"
"usage: terminals --port P --count N [options]\n"
"\n"
"terminals\n"
"  --port P            port of the gateway on 127.0.0.1\n"
"  --count N           connections to open\n"
"  --path TEMPLATE     request target (/ws?client={i})\n"
"  --first I           what {i} is for the first connection (1)\n"
"  --handshakes H      handshakes under way at a time (64)\n"
"  --settle S          seconds after connecting before anything is measured (2)\n"
"  --hold S            seconds to hold the connections idle then (0)\n"
"  --pid PID           the server's process: its processor time and memory\n"
"\n"
"publisher\n"
"  --api P             port of the HTTP API on 127.0.0.1; without it nothing is published\n"
"  --join TEMPLATE     path to PUT --join-body to, once per terminal, before it connects\n"
"  --join-body T       ({\"channels\":[\"room\"]})\n"
"  --publish T         path to POST messages to (/v1/channels/room/messages)\n"
"  --publish-body T    ({\"text\":\"{p}\"})\n"
"  --in-flight W       messages that have not reached every terminal yet (1)\n"
"  --publishers K      keep-alive connections, each with one request at a time (as --in-flight)\n"
"  --size BYTES        of a payload, at least 41 (128)\n"
"  --warm-up S         seconds of publishing that are not measured (1)\n"
"  --window S          seconds that are measured (5)\n"
"\n"
"{i} is the terminal's number, {p} the payload; other braces stand for themselves.\n"
"One line of JSON on standard output; times in microseconds. Exits with 0; with 1 where a\n"
"connection was refused or lost or a message was lost, repeated or out of order; with 2\n"
"where nothing could be measured.\n";

static double number(const char *name, const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);
	if (!*text || *end || !(value >= least && value <= most))
		give_up("%s wants a number from %g to %g", name, least, most);
	return value;
}

void read_options(int argc, char **argv)
{
	for (int k = 1; k < argc; k++) {
		const char *name = argv[k];
		if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
			fputs(help, stdout);
			exit(0);
		}
		if (k + 1 == argc)
			give_up("%s: unknown, or without its value; see --help", name);
		const char *value = argv[++k];
		if (!strcmp(name, "--port")) options.port = (uint16_t)number(name, value, 1, 65535);
		else if (!strcmp(name, "--count")) options.count = (uint32_t)number(name, value, 1, 1e6);
		else if (!strcmp(name, "--path")) options.path = value;
		else if (!strcmp(name, "--first")) options.first = (uint32_t)number(name, value, 0, 1e9);
		else if (!strcmp(name, "--handshakes")) options.handshakes = (uint32_t)number(name, value, 1, 4096);
		else if (!strcmp(name, "--settle")) options.settle = number(name, value, 0, 3600);
		else if (!strcmp(name, "--hold")) options.hold = number(name, value, 0, 86400);
		else if (!strcmp(name, "--pid")) options.pid = (int)number(name, value, 1, 1e9);
		else if (!strcmp(name, "--api")) options.api_port = (uint16_t)number(name, value, 1, 65535);
		else if (!strcmp(name, "--join")) options.join_path = value;
		else if (!strcmp(name, "--join-body")) options.join_body = value;
		else if (!strcmp(name, "--publish")) options.publish_path = value;
		else if (!strcmp(name, "--publish-body")) options.publish_body = value;
		else if (!strcmp(name, "--in-flight")) options.in_flight = (uint32_t)number(name, value, 1, 65536);
		else if (!strcmp(name, "--publishers")) options.publishers = (uint32_t)number(name, value, 1, 999);
		else if (!strcmp(name, "--size")) options.size = (uint32_t)number(name, value, PAYLOAD_MIN, 65000);
		else if (!strcmp(name, "--warm-up")) options.warm_up = number(name, value, 0, 3600);
		else if (!strcmp(name, "--window")) options.window = number(name, value, 0.1, 3600);
		else give_up("%s is unknown; see --help", name);
	}
	if (!options.port || !options.count)
		give_up("--port and --count are needed; see --help");
	if (options.join_path && !options.api_port)
		give_up("--join needs --api");
	if (!options.publishers)
		options.publishers = options.in_flight < 999 ? options.in_flight : 999;
}
