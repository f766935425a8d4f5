/* Buffers, templates, the end after a mistake. */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

u64 random_number(void)
{
	static u64 r = 88172645463325252ull;
	r ^= r << 13;
	r ^= r >> 7;
	r ^= r << 17;
	return r;
}

void give_up(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("wsload: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

void buf_need(struct buf *b, size_t n)
{
	if (b->len + n <= b->cap)
		return;
	while (b->cap < b->len + n)
		b->cap = b->cap ? b->cap * 2 : 256;
	if (!(b->p = realloc(b->p, b->cap)))
		give_up("out of memory");
}
void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_need(b, n);
	memcpy(b->p + b->len, p, n);
	b->len += n;
}
void buf_str(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

/* decimal, zero padded to width (0 = none) */
void buf_dec(struct buf *b, u64 v, int width)
{
	char t[32];
	int n = 0;
	do {
		t[31 - n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v && n < 31);
	while (n < width && n < 31)
		t[31 - n++] = '0';
	buf_add(b, t + 32 - n, (size_t)n);
}

char **tokens;
u64 n_tokens;

static int hexv(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static void tpl_push(struct tpl *t, struct seg s)
{
	t->s = realloc(t->s, sizeof(*t->s) * (size_t)(t->n + 1));
	if (!t->s)
		give_up("out of memory");
	t->s[t->n++] = s;
}

static void tpl_flush(struct tpl *t, struct buf *lit)
{
	if (!lit->len)
		return;
	struct seg s = { S_LIT, malloc(lit->len), lit->len, 0 };
	memcpy(s.lit, lit->p, lit->len);
	tpl_push(t, s);
	lit->len = 0;
}

struct tpl tpl_parse(const char *src)
{
	static const struct { const char *name; enum seg_kind k; } names[] = {
		{ "{p}", S_P },       { "{plen}", S_PLEN }, { "{c}", S_C },
		{ "{clen}", S_CLEN }, { "{seq}", S_SEQ },   { "{tok}", S_TOK },
		{ "{i}", S_I },       { "{j}", S_J },
	};
	struct tpl t = { 0, 0 };
	struct buf lit = { 0, 0, 0 };
	for (const char *p = src; *p;) {
		if (*p == '\\' && p[1]) {
			char c = p[1];
			p += 2;
			if (c == 'r') c = '\r';
			else if (c == 'n') c = '\n';
			else if (c == 't') c = '\t';
			else if (c == '0') c = 0;
			else if (c == 'x' && hexv(p[0]) >= 0 && hexv(p[1]) >= 0) {
				c = (char)(hexv(p[0]) * 16 + hexv(p[1]));
				p += 2;
			}
			buf_add(&lit, &c, 1);
			continue;
		}
		if (*p == '{') {
			int done = 0;
			if ((p[1] == 'i' || p[1] == 'r') && p[2] == ':') {
				char *e;
				long w = strtol(p + 3, &e, 10);
				if (e > p + 3 && *e == '}' && w > 0 && (p[1] == 'r' || w < 31)) {
					tpl_flush(&t, &lit);
					tpl_push(&t, (struct seg){ p[1] == 'r' ? S_R : S_I, 0, 0, (int)w });
					p = e + 1;
					continue;
				}
			}
			for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
				size_t l = strlen(names[k].name);
				if (!strncmp(p, names[k].name, l)) {
					tpl_flush(&t, &lit);
					tpl_push(&t, (struct seg){ names[k].k, 0, 0, 0 });
					p += l;
					done = 1;
					break;
				}
			}
			if (done)
				continue;
		}
		buf_add(&lit, p++, 1);
	}
	tpl_flush(&t, &lit);
	free(lit.p);
	return t;
}

void tpl_render(const struct tpl *t, const struct ctx *c, struct buf *out)
{
	for (int k = 0; k < t->n; k++) {
		const struct seg *s = &t->s[k];
		switch (s->kind) {
		case S_LIT: buf_add(out, s->lit, s->n); break;
		case S_I: buf_dec(out, c->i, s->width); break;
		case S_J: buf_dec(out, c->j, 0); break;
		case S_R: buf_dec(out, random_number() % (u64)s->width, 0); break;
		case S_SEQ: buf_dec(out, c->seq, 0); break;
		case S_P: if (c->payload) buf_add(out, c->payload->p, c->payload->len); break;
		case S_PLEN: buf_dec(out, c->payload ? c->payload->len : 0, 0); break;
		case S_C: if (c->chan) buf_add(out, c->chan->p, c->chan->len); break;
		case S_CLEN: buf_dec(out, c->chan ? c->chan->len : 0, 0); break;
		case S_TOK: if (n_tokens) buf_str(out, tokens[c->i % n_tokens]); break;
		}
	}
}
