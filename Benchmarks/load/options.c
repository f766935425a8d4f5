#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options o;

static void usage(FILE *f)
{
	fputs(
"wsload - WebSocket load generator with built-in publisher (one thread, epoll)\n"
"\n"
"usage: wsload -n N --port P [options]\n"
"\n"
"subscribers\n"
"  -n N                 connections to open (0: none)\n"
"  --host A             server address (127.0.0.1)\n"
"  --port P[,P..]       server port(s); connection k uses port k mod count\n"
"  --path TPL           request target, e.g. '/sub/u{i:5}?t={tok}' (/)\n"
"  --first F            {i} of the first connection (0)\n"
"  --tokens FILE        lines for {tok}, line i mod count\n"
"  --nsrc K             source addresses 127.0.0.2 .. (4)\n"
"  --ramp R             new connections per second (0: as fast as possible)\n"
"  --conc C             handshakes in flight (64)\n"
"  --cc NAME            TCP congestion control of the client sockets (system's)\n"
"  --connect-timeout S  give up on the connect phase after S seconds (60)\n"
"  --settle S           wait after connecting, before anything is measured (2)\n"
"  --hold S             then hold idle for S seconds (0); SIGTERM ends it early\n"
"  --ready-file F       create F when connected and settled\n"
"  --go-file F          then wait until F exists, before the phases\n"
"  --meanwhile R        while connecting, publish R messages/s to those that\n"
"                       are connected already (--target rr or random)\n"
"\n"
"publisher (same process, same clock)\n"
"  --pub http:A:P       POST over keep-alive connections, one request in flight\n"
"                       on each\n"
"        redis:A:P      PUBLISH {c} {body}, pipelined\n"
"  --pub-conns K        publisher connections (http 8, others 1)\n"
"  --pub-path TPL       http: request target (/)\n"
"  --pub-hdr 'N: TPL'   http: extra header (repeatable)\n"
"  --pub-chan TPL       {c}; redis: the channel\n"
"  --pub-body TPL       http body, redis payload ({p})\n"
"  --target one|rr|random   what {i} is in publisher templates: the first index\n"
"                       (broadcast), round robin, or random over the clients\n"
"  --mix W:K:TPL        a further kind of message, instead of --pub-body: its share W\n"
"                       among all kinds, the deliveries K expected of each, its\n"
"                       body (repeatable)\n"
"  --fan K              deliveries expected per message (one: -n, else 1)\n"
"  --size S             payload bytes, at least 22 (128)\n"
"  --phase max:W:WARM:DUR     closed loop, W messages outstanding\n"
"  --phase rate:R:WARM:DUR    open loop, R messages/s\n"
"  --phase frac:F:WARM:DUR    open loop at F x the message rate that the latest\n"
"                       'max' phase delivered   (phases run in order, repeatable)\n"
"  --phase burst:N:WARM:COUNT  COUNT times N messages at once, after WARM times that\n"
"                       don't count; nothing is read from the subscribers until\n"
"                       the last message has reached the last socket\n"
"  --stall S            closed loop: give up on missing messages after S (1)\n"
"  --spin               busy-poll during rate/frac phases (exact send times, no\n"
"                       wake-up cost for the server)\n"
"\n"
"accounting\n"
"  --pids NAME:p,p..    CPU (/proc/PID/stat) and memory (smaps_rollup) of these\n"
"                       processes (repeatable)\n"
"  --core N             also report busy/steal time of this core\n"
"  --label TEXT         copied to the output;  --out FILE  append JSON there too\n"
"\n"
"templates: {i} {i:N} client index (zero padded), {j} that of another client at\n"
"  random, {r:N} a random number below N, {p} payload, {plen}, {c}\n"
"  rendered --pub-chan, {clen}, {seq}, {tok}; escapes \\r \\n \\t \\0 \\\\ \\xHH.\n"
"  Any other brace text is literal, so JSON needs no quoting.\n"
"output: times in microseconds; us_per_delivery = process CPU in the measured\n"
"  window / deliveries in it, us_s the same for each second; noise = CPU used by anything else on the machine,\n"
"  steal included, in cores; late = how late the publisher was (open loop).\n", f);
}

static void parse_hostport(const char *s, struct in_addr *a, int *port)
{
	char h[64];
	const char *c = strrchr(s, ':');
	if (!c || (size_t)(c - s) >= sizeof h)
		give_up("want HOST:PORT, got %s", s);
	memcpy(h, s, (size_t)(c - s));
	h[c - s] = 0;
	if (!inet_aton(h, a))
		give_up("bad address %s", h);
	*port = atoi(c + 1);
}

static void load_tokens(const char *fn)
{
	FILE *f = fopen(fn, "r");
	char line[1024];
	if (!f)
		give_up("%s: %s", fn, strerror(errno));
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\r\n")] = 0;
		tokens = realloc(tokens, sizeof(char *) * (n_tokens + 1));
		tokens[n_tokens++] = strdup(line);
	}
	fclose(f);
}

void parse_opts(int argc, char **argv)
{
	o.label = "";
	inet_aton("127.0.0.1", &o.host);
	o.nsrc = 4;
	o.conc = 64;
	o.settle = 2;
	o.connect_timeout = 60;
	o.stall = 1;
	o.size = 128;
	o.core = -1;
	o.path = tpl_parse("/");
	o.pub_path = tpl_parse("/");
	o.pub_chan = tpl_parse("");
	o.pub_body = tpl_parse("{p}");
	for (int k = 1; k < argc; k++) {
		const char *a = argv[k];
		if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
			usage(stdout);
			exit(0);
		}
		if (!strcmp(a, "--spin")) { o.spin = 1; continue; }
		if (k + 1 >= argc)
			give_up("%s: unknown option or missing value (see --help)", a);
		char *v = argv[++k];
		if (!strcmp(a, "-n")) o.n = strtoull(v, 0, 10);
		else if (!strcmp(a, "--host")) { if (!inet_aton(v, &o.host)) give_up("bad --host"); }
		else if (!strcmp(a, "--port")) {
			for (char *p = strtok(v, ","); p && o.nport < 16; p = strtok(0, ","))
				o.port[o.nport++] = atoi(p);
		}
		else if (!strcmp(a, "--path")) o.path = tpl_parse(v);
		else if (!strcmp(a, "--first")) o.first = strtoull(v, 0, 10);
		else if (!strcmp(a, "--tokens")) load_tokens(v);
		else if (!strcmp(a, "--nsrc")) o.nsrc = atoi(v);
		else if (!strcmp(a, "--ramp")) o.ramp = atof(v);
		else if (!strcmp(a, "--conc")) o.conc = atoi(v);
		else if (!strcmp(a, "--connect-timeout")) o.connect_timeout = atof(v);
		else if (!strcmp(a, "--cc")) o.cc = v;
		else if (!strcmp(a, "--settle")) o.settle = atof(v);
		else if (!strcmp(a, "--hold")) o.hold = atof(v);
		else if (!strcmp(a, "--ready-file")) o.ready_file = v;
		else if (!strcmp(a, "--go-file")) o.go_file = v;
		else if (!strcmp(a, "--meanwhile")) o.meanwhile = atof(v);
		else if (!strcmp(a, "--pub")) {
			if (!strncmp(v, "http:", 5)) { o.pub = PUB_HTTP; v += 5; }
			else if (!strncmp(v, "redis:", 6)) { o.pub = PUB_REDIS; v += 6; }
			else give_up("--pub wants http: or redis:");
			parse_hostport(v, &o.pub_host, &o.pub_port);
		}
		else if (!strcmp(a, "--pub-conns")) o.pub_conns = atoi(v);
		else if (!strcmp(a, "--pub-path")) o.pub_path = tpl_parse(v);
		else if (!strcmp(a, "--pub-hdr")) { if (o.npub_hdr == MAXL) give_up("too many --pub-hdr"); o.pub_hdr[o.npub_hdr++] = tpl_parse(v); }
		else if (!strcmp(a, "--pub-chan")) o.pub_chan = tpl_parse(v);
		else if (!strcmp(a, "--pub-body")) o.pub_body = tpl_parse(v);
		else if (!strcmp(a, "--target")) {
			if (!strcmp(v, "one")) o.target = TGT_ONE;
			else if (!strcmp(v, "rr")) o.target = TGT_RR;
			else if (!strcmp(v, "random")) o.target = TGT_RANDOM;
			else give_up("--target one|rr|random");
		}
		else if (!strcmp(a, "--mix")) {
			if (o.nmix == 8) give_up("too many --mix");
			struct mix *m = &o.mix[o.nmix++];
			int n = 0;
			if (sscanf(v, "%lf:%lf:%n", &m->weight, &m->fan, &n) != 2 || !n || m->weight <= 0 || m->fan < 0)
				give_up("--mix WEIGHT:FAN:TEMPLATE");
			m->body = tpl_parse(v + n);
		}
		else if (!strcmp(a, "--fan")) o.fan = atof(v);
		else if (!strcmp(a, "--size")) o.size = strtoull(v, 0, 10);
		else if (!strcmp(a, "--phase")) {
			char kind[8];
			if (o.nphase == 16) give_up("too many --phase");
			struct phase *p = &o.phase[o.nphase++];
			if (sscanf(v, "%7[a-z]:%lf:%lf:%lf", kind, &p->val, &p->warm, &p->dur) != 4)
				give_up("--phase KIND:VALUE:WARMUP:DURATION");
			if (!strcmp(kind, "max")) p->kind = PH_MAX;
			else if (!strcmp(kind, "rate")) p->kind = PH_RATE;
			else if (!strcmp(kind, "frac")) p->kind = PH_FRAC;
			else if (!strcmp(kind, "burst")) p->kind = PH_BURST;
			else give_up("--phase max|rate|frac|burst");
		}
		else if (!strcmp(a, "--stall")) o.stall = atof(v);
		else if (!strcmp(a, "--pids")) {
			if (o.ngrp == 8) give_up("too many --pids");
			struct pidgrp *g = &o.grp[o.ngrp++];
			char *c = strchr(v, ':');
			if (!c) give_up("--pids NAME:pid,pid");
			*c = 0;
			snprintf(g->name, sizeof g->name, "%s", v);
			for (char *p = strtok(c + 1, ","); p && g->n < 64; p = strtok(0, ","))
				g->pid[g->n++] = atoi(p);
		}
		else if (!strcmp(a, "--core")) o.core = atoi(v);
		else if (!strcmp(a, "--label")) o.label = v;
		else if (!strcmp(a, "--out")) o.out = v;
		else give_up("unknown option %s (see --help)", a);
	}
	if (o.n && !o.nport)
		give_up("--port is required (see --help)");
	if (o.size < MARK)
		o.size = MARK;
	if (o.nsrc < 1)
		o.nsrc = 1;
	if (!o.pub_conns)
		o.pub_conns = o.pub == PUB_HTTP ? 8 : 1;
	if (o.nphase && !o.pub)
		give_up("--phase needs --pub");
	if (o.meanwhile > 0 && (!o.pub || o.target == TGT_ONE))
		give_up("--meanwhile needs --pub and --target rr or random");
	if (o.fan <= 0)
		o.fan = o.target == TGT_ONE ? (double)o.n : 1;
	if (o.nmix) {
		double weights = 0, fans = 0;
		for (int k = 0; k < o.nmix; k++) {
			weights += o.mix[k].weight;
			fans += o.mix[k].weight * o.mix[k].fan;
		}
		o.fan = fans / weights;
	} else {
		o.mix[o.nmix++] = (struct mix){ 1, o.fan, o.pub_body };
	}
}
