import { describe, expect, test } from "bun:test";
import { sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { sendRaw } from "../support/raw.ts";
import { startServer, testApiKey } from "../support/server.ts";

const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
const authorization = server.bearer;
const made = await ask(server, "POST /collab/tasks", { headers: { authorization }, body: { title: "here" } });
const taskPath = made.headers.get("location") as `/${string}`;

/** Every path, with its methods other than `OPTIONS`. */
const paths: readonly (readonly [`/${string}`, readonly string[]])[] = [
	["/", ["GET", "HEAD"]],
	["/healthz", ["GET", "HEAD"]],
	["/auth/login", ["POST"]],
	["/auth/me", ["GET", "HEAD", "PATCH"]],
	["/auth/tokens", ["GET", "HEAD", "POST"]],
	[`/auth/tokens/${newId()}`, ["DELETE"]],
	["/auth/actors?actor=system", ["GET", "HEAD"]],
	[`/auth/actors/key/${sha256(testApiKey).slice(0, 12)}`, ["GET", "HEAD"]],
	["/collab/tasks", ["POST"]],
	["/collab/state/tasks", ["GET", "HEAD"]],
	[taskPath, ["DELETE", "GET", "HEAD", "PATCH"]],
	["/swagger", ["GET", "HEAD"]],
	["/swagger/json", ["GET", "HEAD"]],
	["/swagger/start.js", ["GET", "HEAD"]],
	["/swagger/swagger-ui.css", ["GET", "HEAD"]],
	["/swagger/swagger-ui-bundle.js", ["GET", "HEAD"]],
];

describe.each(paths)("%s", (path, methods) => {
	test("any other method is 405, with Allow", async () => {
		const allow = [...methods, "OPTIONS"].sort().join(", ");
		for (const method of ["DELETE", "GET", "PATCH", "POST", "PUT", "PROPFIND", "TRACE"]) {
			if (methods.includes(method)) continue;
			const raw = await sendRaw(
				server.url,
				`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: other\r\n\r\n`,
			);
			expect([method, raw.status, raw.header("allow")]).toEqual([method, 405, allow]);
			expect(raw.header("content-type")).toBe("application/json");
			expect(JSON.parse(raw.body)).toEqual({
				message: `This path knows ${allow}.`,
				request_id: "other",
				type: "method_not_allowed",
			});
		}
		const withBody = await ask(server, `PUT ${path}`, { headers: { authorization }, body: { title: "x" } });
		expect(withBody.status).toBe(405);
	});

	test("HEAD responds as GET does, without the body", async () => {
		const headers = { authorization };
		const head = await ask(server, `HEAD ${path}`, { headers });
		expect(head.text).toBe("");
		if (!methods.includes("HEAD")) return expect(head.status).toBe(405);
		const get = await ask(server, `GET ${path}`, { headers });
		expect(head.status).toBe(get.status);
		expect(comparable(head.headers)).toEqual(comparable(get.headers));
		const raw = await sendRaw(
			server.url,
			`HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
		);
		expect(raw.body).toBe("");
		expect(Number(raw.header("content-length"))).toBe(new TextEncoder().encode(get.text).length);
	});

	test("OPTIONS needs no credential and changes nothing", async () => {
		const answer = await ask(server, `OPTIONS ${path}`, { headers: { origin: "http://localhost:3001" } });
		expect([answer.status, answer.text]).toEqual([204, ""]);
	});
});

/** All headers except those that differ between any two responses. */
function comparable(headers: Headers): object {
	const { date: _, "x-request-id": __, ...rest } = Object.fromEntries(headers);
	return rest;
}

test("HEAD of a task that the client has is 304, and of an unknown one 404 without a body", async () => {
	const known = await ask(server, `HEAD ${taskPath}`, {
		headers: { "if-none-match": made.headers.get("etag") ?? "" },
	});
	expect([known.status, known.text, known.headers.get("etag")]).toEqual([304, "", made.headers.get("etag")]);
	const none = await ask(server, `HEAD /collab/tasks/${newId()}`);
	expect([none.status, none.text, none.headers.get("content-type")]).toEqual([404, "", "application/json"]);
	expect(Number(none.headers.get("content-length"))).toBeGreaterThan(50);
});

test("a path without a route is 404", async () => {
	for (const path of [
		"/nothing",
		"/collab",

		"/collab/tasks/a/b",
		`${taskPath}/x`,
		"/COLLAB/tasks",
		"/auth",
		"/swagger/nothing.js",
		"/swagger/../../etc/passwd",
		"/favicon.ico",
		"/%00",
		"/%ff%fe",
		"/%",
		"/collab/%2e%2e/tasks",
		"/__proto__",
		"//healthz",
		"/healthz%2f",
		"/constructor",
		`/${"x".repeat(8000)}`,
		`/collab/state/${"%41".repeat(2000)}`,
	]) {
		for (const method of ["GET", "POST", "DELETE"]) {
			const raw = await sendRaw(
				server.url,
				`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: r\r\n\r\n`,
			);
			expect([method, path, raw.status]).toEqual([method, path, path === "/collab/tasks/" ? 405 : 404]);
			expect(JSON.parse(raw.body)).toMatchObject({ request_id: "r" });
		}
	}
});

test("text that is not an id is 404, whatever it is", async () => {
	const ids = [
		newId(),
		"1",
		"no-id",
		made.text.slice(0, 1),
		"%00",
		"%ff",
		"%",
		"%zz",
		"..%2f",
		"%27%20OR%201=1",
		taskPath.slice("/collab/tasks/".length).toUpperCase(),
		`${taskPath.slice("/collab/tasks/".length)}%20`,
		"x".repeat(5000),
		"%F0%9F%91%A9",
		"__proto__",
	];
	for (const id of ids) {
		for (const [method, headers] of [
			["GET", ""],
			["PATCH", `Authorization: ${authorization}\r\nIf-Match: *\r\nContent-Type: application/json\r\n`],
			["DELETE", `Authorization: ${authorization}\r\nIf-Match: *\r\n`],
		] as const) {
			const body = method === "PATCH" ? "{}" : "";
			const raw = await sendRaw(
				server.url,
				`${method} /collab/tasks/${id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
			);
			expect([method, id, raw.status]).toEqual([method, id, 404]);
			expect(JSON.parse(raw.body)).toMatchObject({ type: "not_found" });
		}
	}
});

test("a very long URL or query is not a defect", async () => {
	const cursor = "A".repeat(12_000);
	const answer = await ask(server, `GET /collab/state/tasks?cursor=${cursor}`);
	expect([answer.status, errorOf(answer).details?.[0]?.path]).toEqual([422, "/cursor"]);
	expect(answer.text).not.toContain("AAAA");
	const raw = await sendRaw(server.url, `GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
	// The HTTP parser's own response: exempt from the error envelope.
	expect([400, 414, 431]).toContain(raw.status);
});

test("a valid request id is kept, any other is replaced", async () => {
	for (const id of ["a", "A-b_c.9", "x".repeat(128)]) {
		const answer = await ask(server, "GET /nothing", { headers: { "x-request-id": id } });
		expect(errorOf(answer)).toMatchObject({ request_id: id });
	}
	for (const id of ["", "x".repeat(129), "a b", "a/b", "<script>", "é"]) {
		const response = await fetch(`${server.url}/nothing`, { headers: { "x-request-id": id } });
		const made = response.headers.get("x-request-id");
		expect(made).toMatch(/^[0-9a-f-]{36}$/);
		expect(await response.json()).toMatchObject({ request_id: made });
	}
});

test("every response forbids sniffing and referrers", async () => {
	for (const [path] of paths) {
		const { headers } = await ask(server, `GET ${path}`);
		expect([headers.get("x-content-type-options"), headers.get("referrer-policy")]).toEqual([
			"nosniff",
			"no-referrer",
		]);
		expect(headers.get("server")).toBeNull();
		expect(headers.get("x-powered-by")).toBeNull();
	}
});

test("the start page redirects to the documentation", async () => {
	const answer = await ask(server, "GET /");
	expect([answer.status, answer.headers.get("location")]).toEqual([302, "/swagger"]);
});

test("health is ok and not cached", async () => {
	const answer = await ask(server, "GET /healthz");
	expect([answer.status, answer.text, answer.headers.get("cache-control")]).toEqual([
		200,
		'{"status":"ok"}',
		"no-store",
	]);
});
