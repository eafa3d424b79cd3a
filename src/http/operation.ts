import Type, { type TSchema } from "typebox";
import type { ErrorCode } from "../errors.ts";
import { statusOf } from "./envelope.ts";

/** The body of every status from 400 up. */
export const ErrorBody = Type.Object(
	{
		details: Type.Optional(
			Type.Array(
				Type.Object(
					{ message: Type.String(), path: Type.String({ description: "A JSON pointer." }) },
					{ additionalProperties: false },
				),
			),
		),
		message: Type.String({ description: "One sentence for a person." }),
		request_id: Type.String(),
		type: Type.String({ description: "For programs; never changes." }),
	},
	{ additionalProperties: false },
);

/** Response headers that some operations add to the ones that every answer bears. */
const optionalHeaders = {
	ETag: "The strong entity tag: SHA-256 of the body, in hex, in double quotes.",
	Link: 'The next page, `rel="next"`.',
	Location: "The path of what was made.",
	"Cache-Control": "Whether the answer may be kept.",
	Vary: "Request headers that the answer depends on.",
	"Idempotency-Replayed": "`true` where this is an earlier answer again.",
	"X-Event-Id": "The newest event that the answer includes; tail from it to miss nothing.",
	Allow: "The methods that this path knows.",
	"Retry-After": "Seconds after which another try makes sense.",
	"WWW-Authenticate": "`Bearer`.",
} as const;
export type HeaderName = keyof typeof optionalHeaders;

const limitHeaders = {
	RateLimit: 'What is left of the limit: `"default";r=<left>;t=<seconds>`.',
	"RateLimit-Policy": 'The limit: `"default";q=60;w=60`.',
};

interface Answer {
	readonly description: string;
	readonly schema?: TSchema;
	/** Instead of `application/json`. */
	readonly contentType?: string;
	readonly headers?: readonly HeaderName[];
}

interface Operation {
	readonly operationId: string;
	readonly tag: string;
	readonly summary: string;
	readonly description?: string;
	/** Which credential is wanted; absent: none. */
	readonly security?: "bearer" | "apiKey";
	/** The credential may be left out. */
	readonly anonymousToo?: boolean;
	/** Not under the rate limit. */
	readonly unlimited?: boolean;
	/** Request headers beside the credential. */
	readonly requestHeaders?: Readonly<
		Record<string, { readonly description: string; readonly required?: boolean }>
	>;
	/** The schema that reads the body, as `application/json` unless `bodyTypes` says otherwise. */
	readonly body?: TSchema;
	readonly bodyTypes?: readonly string[];
	/** The schema that reads the query string. */
	readonly query?: TSchema;
	/** Names of the path's parameters, each with its description. */
	readonly pathParameters?: Readonly<Record<string, string>>;
	readonly answers: Readonly<Record<number, Answer>>;
	readonly errors: readonly ErrorCode[];
}

/** An operation's part of the OpenAPI document: every status it can answer, with body and headers. */
export function operation(op: Operation) {
	const errors: readonly ErrorCode[] = [
		...op.errors,
		...(op.unlimited ? [] : (["rate_limited"] as const)),
		"internal",
	];
	return {
		operationId: op.operationId,
		tags: [op.tag],
		summary: op.summary,
		...(op.description !== undefined && { description: op.description }),
		...(op.security !== undefined && { security: [{ [op.security]: [] }, ...(op.anonymousToo ? [{}] : [])] }),
		...parametersOf(op),
		...bodyOf(op),
		responses: { ...successes(op), ...failures(errors, op.unlimited ?? false) },
	};
}

function parametersOf({ requestHeaders = {}, pathParameters = {}, query }: Operation) {
	const path = Object.entries(pathParameters).map(([name, description]) => ({
		name,
		in: "path" as const,
		required: true,
		description,
		schema: { type: "string" as const },
	}));
	const header = Object.entries(requestHeaders).map(([name, { description, required = false }]) => ({
		name,
		in: "header" as const,
		required,
		description,
		schema: { type: "string" as const },
	}));
	const parameters = [...path, ...queryParameters(query), ...header];
	return parameters.length > 0 ? { parameters } : {};
}

function bodyOf({ body, bodyTypes = ["application/json"] }: Operation) {
	if (body === undefined) return {};
	const content = Object.fromEntries(bodyTypes.map((type) => [type, { schema: body }]));
	return { requestBody: { content, required: true } };
}

function queryParameters(query: TSchema | undefined) {
	const { properties = {}, required = [] } = (query ?? {}) as {
		readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
		readonly required?: readonly string[];
	};
	return Object.entries(properties).map(([name, { description, ...schema }]) => ({
		name,
		in: "query" as const,
		required: required.includes(name),
		...(description !== undefined && { description }),
		schema,
	}));
}

function successes({ answers, unlimited = false }: Operation) {
	return Object.fromEntries(
		Object.entries(answers).map(
			([status, { description, schema, contentType = "application/json", headers = [] }]) => [
				status,
				{
					description,
					headers: headersDoc(headers, unlimited),
					...(schema !== undefined && { content: { [contentType]: { schema } } }),
				},
			],
		),
	);
}

/** Codes that share a status (401, 409, 422) share its entry. */
function failures(codes: readonly ErrorCode[], unlimited: boolean) {
	const byStatus = Map.groupBy(new Set(codes), (code) => statusOf[code]);
	return Object.fromEntries(
		[...byStatus].map(([status, types]) => [
			String(status),
			{
				description: types.map((type) => `\`${type}\``).join(" or "),
				headers: headersDoc(
					types.flatMap((type) => errorHeaderNames[type] ?? []),
					unlimited,
				),
				content: { "application/json": { schema: ErrorBody, example: exampleOf(types[0] ?? "internal") } },
			},
		]),
	);
}

const errorHeaderNames: Partial<Record<ErrorCode, readonly HeaderName[]>> = {
	unauthorized: ["WWW-Authenticate"],
	method_not_allowed: ["Allow"],
	precondition_failed: ["ETag"],
	precondition_required: ["ETag"],
	rate_limited: ["Retry-After"],
	unavailable: ["Retry-After"],
};

function exampleOf(type: ErrorCode) {
	return {
		...(type === "validation_error" && { details: [{ message: "is required", path: "/title" }] }),
		message: "One sentence for a person.",
		request_id: "7f9c24e5-2f0e-4f43-8a0e-3d0a4b7f8f11",
		type,
	};
}

function headersDoc(names: readonly HeaderName[], unlimited: boolean) {
	const described = {
		"X-Request-Id": "The request's id, as sent or made here.",
		...(unlimited ? {} : limitHeaders),
		...Object.fromEntries(names.map((name) => [name, optionalHeaders[name]])),
	};
	return Object.fromEntries(
		Object.entries(described).map(([name, description]) => [
			name,
			{ description, schema: { type: "string" as const } },
		]),
	);
}
