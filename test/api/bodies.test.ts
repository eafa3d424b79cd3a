import { describe, expect, test } from "bun:test";
import { ask, errorOf } from "../support/ask.ts";
import { sendRaw } from "../support/raw.ts";
import { startServer } from "../support/server.ts";

const server = await startServer({ DATABASE_URL: "sqlite://:memory:", MAX_BODY_BYTES: "1000000" });
const authorization = server.bearer;
const task = await ask(server, "POST /collab/tasks", { headers: { authorization }, body: { title: "kept" } });
const path = task.headers.get("location") as `/${string}`;

/** Every route that reads a body, with a valid credential and precondition. */
const routes = [
	{ line: "POST /auth/login", headers: {} },
	{ line: "POST /collab/tasks", headers: { authorization } },
	{ line: `PATCH ${path}`, headers: { authorization, "if-match": "*" } },
] as const;

const bytes = (...parts: readonly (string | readonly number[])[]) =>
	new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

for (const { line, headers } of routes) {
	describe(line.replace(path, "/collab/tasks/{id}"), () => {
		const refused = async (body: unknown, status: number, type: string, contentType = "application/json") => {
			const answer = await ask(server, line, { headers, body, contentType });
			expect([answer.status, errorOf(answer).type]).toEqual([status, type]);
			return answer;
		};

		test("a body that is not JSON is 400", async () => {
			const bodies = [
				"",
				" ",
				"{",
				"nul",
				'{"title":"x"} x',
				"{'title':'x'}",
				'{"title":"x",}',
				'"\t"',
				"NaN",
			];
			for (const body of [...bodies, bytes('{"title":"', [0], '"}')]) await refused(body, 400, "bad_request");
		});

		test("a body that is not UTF-8 is 400", async () => {
			for (const wrong of [
				[0xff],
				[0xc0, 0x80],
				[0xed, 0xa0, 0x80],
				[0xf5, 0x80, 0x80, 0x80],
				[0xe4, 0xb8],
			]) {
				const answer = await refused(bytes('{"title":"', wrong, '"}'), 400, "bad_request");
				expect(errorOf(answer).message).toBe("The body is not UTF-8.");
			}
		});

		test("a body that is not declared as JSON is 415, whatever it contains", async () => {
			const types = [
				"",
				"text/plain",
				"application/xml",
				"application/x-www-form-urlencoded",
				"multipart/form-data; boundary=x",
				"application/octet-stream",
				"application/json; charset=iso-8859-1",
				"application/json; charset=utf-16",
				'application/json; charset="utf-16le"',
				"application/json; charset=utf-8; charset=latin1",
				"application/json;v=1;CHARSET = latin1",
				"application/json; charset=utf-8 latin1",
				'application/json; charset="utf-8',
				"application/json, application/json",
				"application/json; v=1, application/json",
				"application/json; charset=utf-8, application/json; charset=utf-8",
				"text/json",
				"application/json5",
				"application /json",
				"application/json profile=x",
				"application/jsonp",
				"application/json, text/plain",
				"application/problem+json",
			];
			for (const type of types) {
				for (const body of ['{"title":"x"}', "title=x"]) {
					await refused(new TextEncoder().encode(body), 415, "unsupported_media_type", type);
				}
			}
		});

		test("a body that is declared as JSON is read, whatever other parameters the type has", async () => {
			const types = [
				"application/json; charset=utf8",
				"application/json;",
				"application/json ; ",
				"application/json;;",
				"Application/JSON; Charset=UTF-8",
				'application/json;charset="utf-8"',
				'application/json;charset="utf\\-8"',
				"application/json; charset = utf-8 ;",
				"application/json; charset=us-ascii",
				"application/json; charset=",
				"application/json; v=1",
				"application/json; boundary=x; charset=utf-8",
				"application/json;odata.metadata=minimal;odata.streaming=true",
				'application/json; profile="https://example.com/a;charset=latin1,b"',
				"application/json; flag",
				"application/merge-patch+json; charset=utf8",
			];
			for (const contentType of types) await refused('{"extra":1}', 422, "validation_error", contentType);
		});

		test("a long Content-Type costs little", async () => {
			const startedAt = performance.now();
			for (const part of [";", '"', "\\", ' ;a="', "; charset=utf-8", " ", ";a=", "\t;"]) {
				const contentType = `application/json;${part.repeat(12_000 / part.length)}x,`;
				await refused("{}", 415, "unsupported_media_type", contentType);
			}
			expect(performance.now() - startedAt).toBeLessThan(3000);
		});

		test("a compressed body is 415 with Accept-Encoding: identity, whatever it contains", async () => {
			const plain = new TextEncoder().encode('{"extra":1}');
			for (const coding of ["gzip", "GZIP", "br", "deflate", "x", "identity, gzip"]) {
				for (const body of [Bun.gzipSync(plain), plain]) {
					const answer = await ask(server, line, {
						headers: { ...headers, "content-encoding": coding },
						body,
					});
					expect([answer.status, errorOf(answer).type]).toEqual([415, "unsupported_media_type"]);
					expect(answer.headers.get("accept-encoding")).toBe("identity");
				}
			}
			for (const coding of ["identity", "Identity", ""]) {
				const encoded = { ...headers, "content-encoding": coding };
				expect((await ask(server, line, { headers: encoded, body: plain })).status).toBe(422);
			}
			const typed = await refused(plain, 415, "unsupported_media_type", "text/plain");
			expect(typed.headers.get("accept-encoding")).toBeNull();
		});

		test("no body at all is 400 or 415, and never a defect", async () => {
			const declared = await ask(server, line, {
				headers: { ...headers, "content-type": "application/json" },
			});
			expect(declared.status).toBe(400);
			expect((await ask(server, line, { headers })).status).toBe(415);
		});

		test("JSON that is not an object is 422 at the root", async () => {
			for (const body of ["null", "1", '"x"', "[]", "true", '[{"title":"x"}]']) {
				const answer = await refused(body, 422, "validation_error");
				expect(errorOf(answer).details?.map((fault) => fault.path)).toEqual([""]);
			}
		});

		test("an unknown field is 422 at its pointer, __proto__ and pointer characters too", async () => {
			for (const name of ["extra", "__proto__", "constructor", "a~b/c", "toString", ""]) {
				const answer = await refused(`{${JSON.stringify(name)}:{"x":1}}`, 422, "validation_error");
				const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
				expect(errorOf(answer).details).toContainEqual({ message: "is not a known field", path: pointer });
			}
			expect(({} as { x?: unknown }).x).toBeUndefined();
		});

		test("a query parameter is 422 by its name, with the faults of the body", async () => {
			const asked = `${line}?dry_run=true&dry_run=1&a~b%2Fc&__proto__=x&%00` as typeof line;
			const answer = await ask(server, asked, { headers, body: { extra: 1 } });
			expect([answer.status, errorOf(answer).type]).toEqual([422, "validation_error"]);
			const message = "is not a known query parameter";
			const faults = errorOf(answer).details ?? [];
			expect(faults.filter((fault) => fault.message === message).map(({ path }) => path)).toEqual([
				"/dry_run",
				"/a~0b~1c",
				"/__proto__",
				"/\0",
			]);
			expect(faults).toContainEqual({ message: "is not a known field", path: "/extra" });
			expect(answer.text).not.toContain("true");
		});

		test("a NUL or a lone surrogate is 422, in text and in names, at any depth", async () => {
			for (const wrong of ["\\u0000", "\\ud800", "\\udc00", "\\ud800\\ud800", "x\\udfffy"]) {
				for (const body of [
					`{"title":"a${wrong}","email":"a@${wrong}"}`,
					`{"a${wrong}":1}`,
					`{"extra":[{"deep":"${wrong}"}]}`,
				]) {
					const answer = await refused(body, 422, "validation_error");
					expect(answer.text).not.toMatch(/\\ud[89a-f]/i);
				}
			}
			const paired = await ask(server, line, { headers, body: '{"extra":"\\ud83d\\ude00"}' });
			expect(errorOf(paired).details).toContainEqual({ message: "is not a known field", path: "/extra" });
			expect(paired.text).not.toContain("surrogate");
		});

		test("a number that a double cannot represent is 422", async () => {
			for (const body of ['{"title":1e400}', '{"extra":[-1e999]}', '{"email":1e400}']) {
				await refused(body, 422, "validation_error");
			}
		});

		test("an integer that a double does not hold exactly is 422 at its path, with one fault", async () => {
			for (const [body, pointer] of [
				['{"title":9007199254740993}', "/title"],
				['{"extra":[-1970670598291982290]}', "/extra"],
				['{"email":12345678901234567890}', "/email"],
				["9007199254740993", ""],
			] as const) {
				const { details = [] } = errorOf(await refused(body, 422, "validation_error"));
				expect(details.filter(({ path }) => path === pointer)).toHaveLength(1);
			}
			for (const body of ["0123456789012345678", "12345678901234567890abc", '{"a":1970670598291982290']) {
				await refused(body, 400, "bad_request");
			}
		});

		test("deep nesting is rejected without a stack overflow", async () => {
			const depth = 100_000;
			const nested = "[".repeat(depth) + "]".repeat(depth);
			for (const body of [nested, "[".repeat(depth), `{"title":${nested}}`, '{"a":'.repeat(depth)]) {
				const answer = await ask(server, line, { headers, body });
				expect([400, 422]).toContain(answer.status);
				expect(answer.text.length).toBeLessThan(10_000);
			}
		});

		test("many errors are reported at once, up to a bound", async () => {
			for (const [count, shown, message] of [
				[500, 500, /^50\d values do not fit; see details\.$/],
				[1500, 1000, /^More than 1000 values do not fit; see details for the first of them\.$/],
			] as const) {
				const fields = Array.from({ length: count }, (_, index) => [`x${index}`, index]);
				const answer = await refused(Object.fromEntries(fields), 422, "validation_error");
				const { details = [], message: said } = errorOf(answer);
				// Required fields may be missing too.
				expect(details.filter(({ path }) => path.startsWith("/x")).length).toBeGreaterThan(shown - 5);
				expect(details.length).toBeLessThanOrEqual(shown + 5);
				expect(said).toMatch(message);
			}
		});

		test("a body above the limit is 413, declared or chunked, and the limit itself is not", async () => {
			await refused("x".repeat(1_000_001), 413, "payload_too_large");
			const fits = `{"extra":"${"x".repeat(1_000_000 - 12)}"}`;
			expect(fits).toHaveLength(1_000_000);
			await refused(fits, 422, "validation_error");
			const head = [
				`${line} HTTP/1.1`,
				"Host: localhost",
				"Connection: close",
				"Content-Type: application/json",
				"X-Request-Id: too-large",
				...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
			];
			const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
			const chunked = await sendRaw(
				server.url,
				[...head, "Transfer-Encoding: chunked", "", ""].join("\r\n"),
				chunk.repeat(20),
				"0\r\n\r\n",
			);
			expect([chunked.status, JSON.parse(chunked.body)]).toEqual([
				413,
				expect.objectContaining({ type: "payload_too_large", request_id: "too-large" }),
			]);
			const small = await sendRaw(
				server.url,
				[...head, "Transfer-Encoding: chunked", "", ""].join("\r\n"),
				'5\r\n{"ext\r\n',
				'7\r\nra":1}x\r\n0\r\n\r\n',
			);
			expect(small.status).toBe(400);
		});

		test("no response repeats a submitted value", async () => {
			const secret = "s3cret-Value-0815";
			for (const body of [
				{ email: 1, password: secret, title: [secret] },
				{ email: secret, password: secret, title: "x".repeat(201) + secret },
				{ email: "a@b.example", password: { secret }, title: { secret } },
				{ email: "nobody@example.com", password: secret, extra: secret },
				`{"password":"${secret}`,
				`"${secret}"`,
			]) {
				const answer = await ask(server, line, { headers, body });
				expect(answer.status).toBeGreaterThanOrEqual(400);
				expect(answer.text + JSON.stringify([...answer.headers])).not.toContain(secret);
			}
		});
	});
}

test("every error in a body is reported, each with its path", async () => {
	const answer = await ask(server, "POST /collab/tasks", {
		headers: { authorization },
		body: { title: 1, description: [], extra: 1 },
	});
	expect(
		errorOf(answer)
			.details?.map((fault) => fault.path)
			.sort(),
	).toEqual(["/description", "/extra", "/title"]);
	const login = await ask(server, "POST /auth/login", { body: {} });
	expect(errorOf(login).details).toEqual([
		{ message: "is required", path: "/email" },
		{ message: "is required", path: "/password" },
	]);
});

test("none of these requests has changed the task", async () => {
	expect((await ask(server, `GET ${path}`)).text).toBe(task.text);
	expect((await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id")).toBe("1");
});
