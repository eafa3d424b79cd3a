import { describe, expect, test } from "bun:test";
import { requestHandler } from "../../src/http/request-handler.ts";
import { ask } from "../support/ask.ts";
import { recordedLog } from "../support/log.ts";
import { sendRaw } from "../support/raw.ts";
import { startServer } from "../support/server.ts";
import { testEmail, testPassword } from "../support/users.ts";

/**
 * Attacks on the connection. Bodies that are too large, too deep or not JSON are in test/api/bodies, odd paths in
 * test/api/routes, origins in test/api/cors, clients that stop reading in test/api/events-stalled.
 */

const server = await startServer({ DATABASE_URL: "sqlite://:memory:", MAX_BODY_BYTES: "4096" });

const post = "POST /collab/tasks HTTP/1.1\r\nHost: localhost\r\n";
/** The request that an attacker wants a second parser to see. */
const second = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** How many responses a text contains. */
function answersIn({ head, body }: { readonly head: readonly string[]; readonly body: string }): number {
	return [...`${head.join("\n")}\n${body}`.matchAll(/HTTP\/1\.1 \d{3}/g)].length;
}

describe("a request that two parsers could read differently is rejected, and its connection closed", () => {
	const chunked = "Transfer-Encoding: chunked\r\n";
	test.each([
		["a length beside chunks", `${post}Content-Length: 5\r\n${chunked}\r\n0\r\n\r\n`],
		["chunks beside a length", `${post}${chunked}Content-Length: 5\r\n\r\n0\r\n\r\n`],
		["two lengths", `${post}Content-Length: 0\r\nContent-Length: ${second.length}\r\n\r\n`],
		["a list of lengths", `${post}Content-Length: 0, ${second.length}\r\n\r\n`],
		["a length with a sign", `${post}Content-Length: +1\r\n\r\nx`],
		["a length below zero", `${post}Content-Length: -1\r\n\r\n`],
		["a length in hex", `${post}Content-Length: 0x1\r\n\r\nx`],
		["no length at all", `${post}Content-Length: \r\n\r\n`],
		["a length beyond 64 bits", `${post}Content-Length: 18446744073709551617\r\n\r\nx`],
		["a space before the colon", `${post}Content-Length : 1\r\n\r\nx`],
		["a space before the other colon", `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
		["an unknown coding", `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
		["no coding", `${post}Transfer-Encoding: identity\r\n\r\n`],
		["chunks that are not last", `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
		["two codings", `${post}${chunked}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
		["a vertical tab", `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
		["a folded header", `${post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
		["a bare LF", `${post}A: b\nTransfer-Encoding: chunked\r\n\r\n`],
		["bare LFs alone", `${post.replaceAll("\r", "")}\n`],
		["a bare CR", `${post}A: b\rTransfer-Encoding: chunked\r\n\r\n`],
		["a NUL", `${post}A: b\0\r\n\r\n`],
		["a space in a name", `${post}A b: c\r\n\r\n`],
		["no name", `${post}: c\r\n\r\n`],
		["no colon", `${post}Abc\r\n\r\n`],
		["a space at the start", `POST / HTTP/1.1\r\n Host: localhost\r\n\r\n`],
		["no host", `POST / HTTP/1.1\r\n\r\n`],
		["no version", "GET /\r\n\r\n"],
		["another version", "GET / HTTP/3.7\r\nHost: localhost\r\n\r\n"],
		["another protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
		["a chunk below zero", `${post}${chunked}\r\n-1\r\nx\r\n0\r\n\r\n`],
		["a chunk in 0x", `${post}${chunked}\r\n0x1\r\nx\r\n0\r\n\r\n`],
		["a chunk beyond 64 bits", `${post}${chunked}\r\n10000000000000001\r\nx\r\n0\r\n\r\n`],
		["a chunk that is longer than it says", `${post}${chunked}\r\n1\r\nxy\r\n0\r\n\r\n`],
		["a chunk's line with a bare LF", `${post}${chunked}\r\n1\nx\r\n0\r\n\r\n`],
	])("%s", async (_, bytes) => {
		const answer = await sendRaw(server.url, bytes + second);
		expect([400, 505]).toContain(answer.status);
		expect(answer.header("connection")).toBe("close");
		expect(answersIn(answer)).toBe(1);
	});

	test("a body is never read as the next request, whatever its response", async () => {
		for (const [line, status] of [
			["GET /collab/state/tasks", 200],
			["GET /nothing", 404],
			["PUT /collab/tasks", 405],
			["POST /collab/tasks", 401],
			["DELETE /collab/tasks/x", 401],
		] as const) {
			const smuggled = "POST /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
			const answer = await sendRaw(
				server.url,
				`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}${second}`,
			);
			expect([line, answer.status, answersIn(answer)]).toEqual([line, status, 2]);
			expect(answer.body).toEndWith('{"status":"ok"}');
		}
	});

	test("a length that is sent twice is one length, with the same limit", async () => {
		const twice = (body: string) =>
			sendRaw(
				server.url,
				`POST /auth/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n${`Content-Length: ${body.length}\r\n`.repeat(2)}\r\n${body}`,
			);
		const login = JSON.stringify({ email: testEmail, password: testPassword });
		expect((await twice(login)).status).toBe(200);
		const large = await twice(login + " ".repeat(5000));
		expect([large.status, JSON.parse(large.body).type]).toEqual([413, "payload_too_large"]);
	});
});

describe("a host", () => {
	test.each(["app", "x", "", "u@example.com", "x/swagger/?", "[[[", "localhost?x", "/auth/login"])(
		"of any name, such as %p, does not change how a request is handled",
		async (host) => {
			const head = `Host: ${host}\r\nConnection: close\r\nX-Request-Id: r\r\n\r\n`;
			for (const [line, status] of [
				["GET /healthz", 200],
				["HEAD /healthz", 200],
				["GET /collab/state/tasks", 200],
				["GET /auth/me", 401],
				["GET /collab/tasks/x", 404],
				["TRACE /collab/tasks", 405],
			] as const) {
				const answer = await sendRaw(server.url, `${line} HTTP/1.1\r\n${head}`);
				expect([line, answer.status, answer.header("x-request-id")]).toEqual([line, status, "r"]);
			}
		},
	);

	test("may be missing in HTTP/1.0", async () => {
		for (const [line, status] of [
			["GET /healthz", 200],
			["HEAD /healthz", 200],
			["GET /collab/state/tasks", 200],
		] as const) {
			expect((await sendRaw(server.url, `${line} HTTP/1.0\r\n\r\n`)).status).toBe(status);
		}
	});

	test("in the request line is never connected to", async () => {
		const answer = await sendRaw(
			server.url,
			"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		);
		expect([answer.status, answer.body]).toEqual([200, '{"status":"ok"}']);
		const tunnel = "CONNECT elsewhere.example:80 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
		expect((await sendRaw(server.url, tunnel)).status).toBe(404);
	});
});

test("floods of headers are rejected by the parser, and the next client is served", async () => {
	const flood = (headers: string) =>
		sendRaw(server.url, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${headers}Connection: close\r\n\r\n`);
	const many = Array.from({ length: 5000 }, (_, index) => `X-${index}: y\r\n`).join("");
	const answers = await Promise.all([
		flood(many),
		flood(`X-Long: ${"y".repeat(200_000)}\r\n`),
		flood(`${"x".repeat(200_000)}: y\r\n`),
		flood(`Cookie: ${"a=b; ".repeat(40_000)}\r\n`),
	]);
	for (const { status } of answers) expect([400, 431]).toContain(status);
	expect((await flood(many.slice(0, many.indexOf("X-60:")))).status).toBe(200);
});

/** Sends bytes, then `step` ten times a second; resolves with the received text once the server has closed. */
async function trickle(url: string, first: string, step: string): Promise<string> {
	const { hostname, port } = new URL(url);
	const { promise: closed, resolve } = Promise.withResolvers<void>();
	let received = "";
	const socket = await Bun.connect({
		hostname,
		port: Number(port),
		socket: {
			data: (_, chunk) => {
				received += chunk.toString();
			},
			close: () => resolve(),
			error: () => resolve(),
		},
	});
	socket.write(first);
	const timer = setInterval(() => socket.write(step), 100);
	await closed;
	clearInterval(timer);
	return received;
}

// The parser's own timeout for headers is some ten seconds; a test that hangs ends after sixty.
test("a client that sends a request slowly, byte by byte or not at all, is disconnected, and no other client waits", async () => {
	const recorded = recordedLog();
	const bounded = await startServer(
		{ DATABASE_URL: "sqlite://:memory:" },
		{ requestSecondsMax: 4, log: recorded.log },
	);
	const login = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
	const slow = Promise.all(
		[
			["", ""],
			["GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", "x"],
			["GET /healthz HTTP/1.1\r\nHost: localhost\r\n", "X-Slow: x\r\n"],
			["GET /healthz HTTP/1.1\r\n", ""],
			[`${login}Content-Length: 100000\r\n\r\n`, " "],
			[`${login}Content-Length: 100000\r\n\r\n{`, ""],
			[`${login}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"],
			[`${login}Transfer-Encoding: chunked\r\n\r\n`, "1;x=".padEnd(20, "y")],
		].map(([first = "", step = ""]) => trickle(bounded.url, first, step)),
	);
	for (let n = 0; n < 5; n++) expect((await ask(bounded, "GET /healthz")).status).toBe(200);
	for (const text of await slow) expect(text).not.toContain("HTTP/1.1 200");
	expect((await ask(bounded, "GET /healthz")).status).toBe(200);
	for (const line of recorded.lines) expect(line.status ?? 200).toBeLessThan(500);
}, 60_000);

describe("the security headers for browsers", () => {
	const safe = (headers: Headers) => ({
		sniff: headers.get("x-content-type-options"),
		referrer: headers.get("referrer-policy"),
		server: headers.get("server") ?? headers.get("x-powered-by"),
	});
	const wanted = { sniff: "nosniff", referrer: "no-referrer", server: null };

	test("are on responses of every kind", async () => {
		const headers = { authorization: server.bearer };
		const made = await ask(server, "POST /collab/tasks", { headers, body: { title: "x" } });
		const etag = made.headers.get("etag") ?? "";
		const path = made.headers.get("location") as `/${string}`;
		for (const [line, status, options] of [
			[`GET ${path}`, 200, {}],
			[`GET ${path}`, 304, { headers: { "if-none-match": etag } }],
			[`HEAD ${path}`, 200, {}],
			["OPTIONS /collab/tasks", 204, { headers: { origin: "http://localhost:3001" } }],
			["GET /", 302, {}],
			["POST /collab/tasks", 400, { headers, body: "{" }],
			["GET /auth/me", 401, {}],
			["GET /events", 403, { headers: { "x-api-key": "no" } }],
			["GET /nothing", 404, {}],
			["PUT /healthz", 405, {}],
			["POST /collab/tasks", 413, { headers, body: "x".repeat(5000) }],
			["POST /collab/tasks", 415, { headers, body: "x", contentType: "text/plain" }],
			["POST /collab/tasks", 422, { headers, body: {} }],
			[`DELETE ${path}`, 428, { headers }],
			[`DELETE ${path}`, 412, { headers: { ...headers, "if-match": '"x"' } }],
			[`DELETE ${path}`, 204, { headers: { ...headers, "if-match": etag } }],
			["GET /swagger/json", 200, {}],
			["GET /swagger/start.js", 200, {}],
			["GET /swagger/swagger-ui.css", 200, {}],
		] as const) {
			const answer = await ask(server, line, options);
			expect([line, answer.status, safe(answer.headers)]).toEqual([line, status, wanted]);
		}
		const stream = await fetch(`${server.url}/events/tail`);
		expect(safe(stream.headers)).toEqual(wanted);
		await stream.body?.cancel();
	});

	test("are on the 500 of a defect too, even if it happens outside of every route", async () => {
		const { log } = recordedLog();
		const fails = () => Promise.reject(new Error("secret cause"));
		const { fetch: answer } = requestHandler({ handle: fails, log, trustProxy: 0, idleTimeoutSeconds: 75 });
		const outer = Bun.serve({ port: 0, fetch: answer as never });
		const response = await fetch(outer.url);
		expect([response.status, safe(response.headers)]).toEqual([500, wanted]);
		expect(await response.text()).not.toContain("secret");
		await outer.stop(true);
	});

	test("a page may load nothing from other origins, must not be framed, and contains no inline script", async () => {
		const { headers, text } = await ask(server, "GET /swagger");
		const rules = (headers.get("content-security-policy") ?? "").split("; ").map((rule) => rule.split(" "));
		const policy = Object.fromEntries(rules.map(([name = "", ...sources]) => [name, sources.join(" ")]));
		expect(policy).toMatchObject({
			"default-src": "'none'",
			"script-src": "'self'",
			"base-uri": "'none'",
			"form-action": "'none'",
			"frame-ancestors": "'none'",
		});
		for (const sources of Object.values(policy)) expect(sources).not.toMatch(/\*|https?:|unsafe-eval/);
		expect(text).not.toMatch(/<script(?![^>]* src=)/);
		expect(text).not.toMatch(/ on[a-z]+=/);
		expect(safe(headers)).toEqual(wanted);
	});
});

test("only the documentation's own files are served under its path", async () => {
	for (const path of [
		"/swagger/../../../../etc/passwd",
		"/swagger/..%2f..%2f..%2fetc/passwd",
		"/swagger/%2e%2e/%2e%2e/etc/passwd",
		"/swagger/..\\..\\etc\\passwd",
		"/swagger/....//....//etc/passwd",
		"/swagger//etc/passwd",
		"/swagger/%00",
		"/swagger/swagger-ui.css%00.js",
		"/swagger/swagger-ui.css/../../package.json",
		"/swagger/file:///etc/passwd",
		"/swagger/swagger-ui.css.map",
		"/swagger/package.json",
		"/swagger/*",
		"/SWAGGER/json",
	]) {
		const answer = await sendRaw(
			server.url,
			`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
		);
		expect([path, answer.status]).toEqual([path, 404]);
		expect(JSON.parse(answer.body)).toMatchObject({ type: "not_found" });
	}
});
