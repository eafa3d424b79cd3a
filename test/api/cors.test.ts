import { describe, expect, test } from "bun:test";
import { type Answer, ask } from "../support/ask.ts";
import { startServer } from "../support/server.ts";

const origins = [
	"https://app.example.com",
	"http://localhost:5173",
	"tauri://localhost",
	"capacitor://localhost",
	"chrome-extension://abcdefghijklmnopabcdefghijklmnop",
	"moz-extension://0f2a6b1c-8c1d-4d53-9a3e-5d0c7f0e9b11",
	"app://.",
];
const server = await startServer(
	{
		DATABASE_URL: "sqlite://:memory:",
		CORS_ORIGINS: origins.join(", "),
		RATE_LIMIT: "80/hour",
		LOGIN_RATE_LIMIT: "1/minute",
	},
	{ clock: () => 1_700_000_000_000 },
);
const user = { authorization: server.bearer };

const listOf = ({ headers }: Answer, name: string) =>
	(headers.get(name) ?? "")
		.split(/, */)
		.map((word) => word.toLowerCase())
		.filter(Boolean)
		.sort();

const exposed = [
	"etag",
	"idempotency-replayed",
	"link",
	"location",
	"ratelimit",
	"ratelimit-policy",
	"retry-after",
	"x-event-id",
	"x-request-id",
];

/** `vary`: of a response to a request without a credential, unless said otherwise. */
function expectAllowed(answer: Answer, origin: string, vary = "Origin") {
	expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
	expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
	expect(answer.headers.get("vary")).toBe(vary);
	expect(listOf(answer, "access-control-expose-headers")).toEqual(exposed);
}

test("a preflight of a known origin says what may be sent", async () => {
	for (const origin of origins) {
		for (const path of ["/collab/tasks", "/auth/login", "/nothing/yet"] as const) {
			const answer = await ask(server, `OPTIONS ${path}`, {
				headers: {
					origin,
					"access-control-request-method": "PATCH",
					"access-control-request-headers": "authorization,content-type,if-match",
				},
			});
			expect([answer.status, answer.text]).toEqual([204, ""]);
			expectAllowed(answer, origin);
			expect(listOf(answer, "access-control-allow-methods")).toEqual([
				"delete",
				"get",
				"head",
				"options",
				"patch",
				"post",
				"put",
			]);
			expect(listOf(answer, "access-control-allow-headers")).toEqual([
				"authorization",
				"claim-fence",
				"content-type",
				"idempotency-key",
				"if-match",
				"if-none-match",
				"last-event-id",
				"mcp-method",
				"mcp-name",
				"mcp-protocol-version",
				"traceparent",
				"x-api-key",
				"x-request-id",
			]);
		}
	}
});

const lines = [
	["GET /collab/state/tasks", 200, {}],
	["HEAD /collab/state/tasks", 200, {}],
	["GET /healthz", 200, {}],
	["GET /auth/me", 401, {}],
	["GET /nothing", 404, {}],
	["PUT /collab/tasks", 405, {}],
	["POST /collab/tasks", 400, { body: "{" }],
	["POST /collab/tasks", 415, { body: "x", contentType: "text/plain" }],
	["POST /collab/tasks", 422, { body: {} }],
	["POST /auth/login", 429, { body: { email: "ada@example.com", password: "wrong" } }],
] as const;

describe.each(lines)("%s with %d", (line, status, options) => {
	// A guard has let these through.
	const vary = line === "POST /collab/tasks" ? "Origin, Authorization, X-API-Key" : "Origin";
	const from = (origin: string) => {
		const login = line.startsWith("GET /auth") ? {} : user;
		return ask(server, line, { ...options, headers: { ...login, origin } });
	};

	test("has the headers for a known origin", async () => {
		// The limit lets one login pass; the next one is the 429.
		if (status === 429) await from("https://app.example.com");
		for (const origin of ["https://app.example.com", "tauri://localhost"]) {
			const answer = await from(origin);
			expect(answer.status).toBe(status);
			expectAllowed(answer, origin, vary);
		}
	});

	test("allows no unknown origin, and has Vary: Origin", async () => {
		for (const origin of ["https://evil.example", "http://app.example.com"]) {
			const answer = await from(origin);
			expect(answer.status).toBe(status);
			expect(answer.headers.get("access-control-allow-origin")).toBeNull();
			expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
			expect(answer.headers.get("vary")).toBe(vary);
		}
	});
});

test("only exactly the configured origins are allowed", async () => {
	for (const origin of [
		"null",
		"",
		"*",
		"app.example.com",
		"https://app.example.com.evil.example",
		"https://evil.example/https://app.example.com",
		"https://APP.example.com",
		"https://app.example.com:444",
		"https://sub.app.example.com",
		"http://localhost:3001",
		"tauri://localhost:80",
		"tauri://localhost/",
		"tauri://localhost.evil.example",
		"http://localhost",
		"https://localhost",
		"ionic://localhost",
		"chrome-extension://abcdefghijklmnopabcdefghijklmnoq",
		"app://x",
		"constructor",
		"__proto__",
		"toString",
	]) {
		const answer = await ask(server, "GET /healthz", { headers: { origin } });
		expect([origin, answer.headers.get("access-control-allow-origin")]).toEqual([origin, null]);
	}
});

test("a 304 and the general 429 have the headers too", async () => {
	const origin = "http://localhost:5173";
	const list = await ask(server, "GET /collab/state/tasks", { headers: { origin } });
	const known = await ask(server, "GET /collab/state/tasks", {
		headers: { origin, "if-none-match": list.headers.get("etag") ?? "" },
	});
	expect(known.status).toBe(304);
	expectAllowed(known, origin);
	let answer = known;
	while (answer.status !== 429)
		answer = await ask(server, "GET /collab/state/tasks", { headers: { origin } });
	expectAllowed(answer, origin);
	expect(answer.headers.get("retry-after")).toBe("3600");
});

test("without an Origin header no origin is allowed, but the response has Vary: Origin", async () => {
	const answer = await ask(server, "GET /healthz");
	expect(answer.headers.get("access-control-allow-origin")).toBeNull();
	expect(answer.headers.get("vary")).toBe("Origin");
});
