import Type from "typebox";
import type { ErrorCode } from "../kernel/errors.ts";
import { component } from "./component.ts";
import { describedHeaders, type HeaderName } from "./described-headers.ts";
import { statusOf } from "./envelope.ts";

const Fault = Type.Object(
	{ message: Type.String(), path: Type.String({ description: "A JSON pointer." }) },
	{ $id: "Fault", additionalProperties: false, description: "One fault of a submitted value." },
);

/** The body of every status from 400 up. */
const ErrorBody = Type.Object(
	{
		details: Type.Optional(Type.Array(Fault)),
		message: Type.String({ description: "One sentence for a person." }),
		request_id: Type.String(),
		type: Type.String({ description: "For programs; never changes." }),
	},
	{ $id: "Error", additionalProperties: false },
);

/** Headers that a code adds to its response. */
const headerNames: Partial<Record<ErrorCode, readonly HeaderName[]>> = {
	unauthorized: ["WWW-Authenticate"],
	method_not_allowed: ["Allow"],
	precondition_failed: ["ETag", "Cache-Control"],
	precondition_required: ["ETag", "Cache-Control"],
	unsupported_media_type: ["Accept-Encoding"],
	rate_limited: ["Retry-After"],
	unavailable: ["Retry-After"],
};

/**
 * The responses to errors, by status. Codes that share a status (401, 409, 422) share its response. Operations without a
 * rate limit are few, and their responses have fewer headers: those are not shared.
 */
export function errorResponses(codes: readonly ErrorCode[], unlimited: boolean) {
	const byStatus = Map.groupBy(new Set(codes), (code) => statusOf[code]);
	return Object.fromEntries(
		[...byStatus].map(([status, types]) => {
			const response = errorResponse(types, unlimited);
			const shared = component("responses", types.map(pascalCase).join("Or"), response);
			return [String(status), unlimited ? response : shared];
		}),
	);
}

function errorResponse(types: readonly ErrorCode[], unlimited: boolean) {
	const names = types.flatMap((type) => headerNames[type] ?? []);
	return {
		description: types.map((type) => `\`${type}\``).join(" or "),
		headers: describedHeaders(names, unlimited),
		content: { "application/json": { schema: ErrorBody, example: exampleOf(types[0] ?? "internal") } },
	};
}

/** `not_found` → `NotFound` */
function pascalCase(code: ErrorCode): string {
	return code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function exampleOf(type: ErrorCode) {
	return {
		...(type === "validation_error" && { details: [{ message: "is required", path: "/title" }] }),
		message: "One sentence for a person.",
		request_id: "7f9c24e5-2f0e-4f43-8a0e-3d0a4b7f8f11",
		type,
	};
}
