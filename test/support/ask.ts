import { expect } from "bun:test";
import { documentOf } from "./document.ts";
import type { TestServer } from "./server.ts";

export interface Question {
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent as JSON; a string or bytes are sent unchanged. */
	readonly body?: unknown;
	readonly contentType?: string;
}

export interface Answer {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
	/** The parsed body; undefined if there is none or it is not JSON. */
	readonly json: unknown;
}

let asked = 0;

/**
 * Sends a request over HTTP and checks what is true of every response: the request's id, that nobody may change a body
 * with an ETag, the envelope of an error, and the OpenAPI document, which must declare the status and describe the body.
 */
export async function ask(
	server: TestServer,
	line: `${string} /${string}`,
	{ headers = {}, body, contentType = "application/json" }: Question = {},
): Promise<Answer> {
	const [method = "GET", ...rest] = line.split(" ");
	const path = rest.join(" ");
	const requestId = headers["x-request-id"] ?? `asked-${++asked}`;
	const response = await fetch(server.url + path, {
		method,
		redirect: "manual",
		headers: {
			"x-request-id": requestId,
			...(body === undefined || contentType === "" ? {} : { "content-type": contentType }),
			...headers,
		},
		...(body === undefined ? {} : { body: bytesOf(body) }),
	});
	const text = await response.text();
	const answer = { status: response.status, headers: response.headers, text, json: parsed(text) };
	expect(answer.headers.get("x-request-id")).toBe(requestId);
	// A proxy that compresses a body weakens its tag.
	if (answer.headers.has("etag")) expect(answer.headers.get("cache-control")).toContain("no-transform");
	if (answer.status >= 400 && method !== "HEAD") expectEnvelope(answer, requestId);
	(await documentOf(server)).holds(method, path, answer);
	return answer;
}

function bytesOf(body: unknown): string | Uint8Array<ArrayBuffer> {
	return typeof body === "string" || body instanceof Uint8Array
		? (body as string | Uint8Array<ArrayBuffer>)
		: JSON.stringify(body);
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

interface Envelope {
	readonly type: string;
	readonly message: string;
	readonly details?: readonly { readonly path: string; readonly message: string }[];
}

/** The body of an error. */
export function errorOf({ json }: Answer): Envelope {
	return json as Envelope;
}

function expectEnvelope(answer: Answer, requestId: string): void {
	const { headers, json, text } = answer;
	expect(headers.get("content-type")).toBe("application/json");
	expect(json).toBeObject();
	const { details, ...rest } = json as Record<string, unknown>;
	expect(Object.keys(rest).sort()).toEqual(["message", "request_id", "type"]);
	expect(rest).toEqual({
		message: expect.stringMatching(/^[A-Z0-9].*\.$/),
		request_id: requestId,
		type: expect.stringMatching(/^[a-z_]+$/),
	});
	expect(details === undefined || Array.isArray(details)).toBe(true);
	expect(text.startsWith(details === undefined ? '{"message":' : '{"details":')).toBe(true);
}
