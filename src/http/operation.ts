import type { TSchema } from "typebox";
import type { ErrorCode } from "../kernel/errors.ts";
import { component } from "./component.ts";
import { errorResponses } from "./described-errors.ts";
import { describedHeaders, type HeaderName } from "./described-headers.ts";
import { headerParameter, type Parameter, queryParameters, type RequestHeaderName } from "./parameters.ts";

/** A group of operations in the document. */
export interface Tag {
	readonly name: string;
	readonly description: string;
}

/** Where an operation has its tag whole; the document's list of tags is made from these. */
export const tagKey = "x-tag";

export interface ResponseSpec {
	readonly description: string;
	readonly schema?: TSchema;
	/** Instead of `application/json`. */
	readonly contentType?: string;
	readonly headers?: readonly HeaderName[];
	/** Its name in `components.responses`, where operations share it. */
	readonly component?: string;
}

type Scheme = "bearer" | "apiKey";

interface OperationSpec {
	readonly operationId: string;
	readonly tag: Tag;
	readonly summary: string;
	readonly description: string;
	/** Which credential is wanted, or which ones, of which one does; absent: none. */
	readonly security?: Scheme | readonly Scheme[];
	/** The credential may be left out. */
	readonly anonymousToo?: boolean;
	/** Not under the rate limit. */
	readonly unlimited?: boolean;
	/** Request headers beside the credential. */
	readonly requestHeaders?: readonly RequestHeaderName[];
	/** The schema that reads the body, as `application/json` unless `bodyTypes` says otherwise. */
	readonly body?: TSchema;
	readonly bodyTypes?: readonly string[];
	/** The schema that reads the query string. */
	readonly query?: TSchema;
	readonly pathParameters?: readonly Parameter[];
	readonly responses: Readonly<Record<number, ResponseSpec>>;
	readonly errors: readonly ErrorCode[];
}

/** The response to a client that has the current representation already. */
export const notModified = {
	component: "NotModified",
	description: "The client has the current version.",
	headers: ["ETag", "Cache-Control", "Vary"],
} as const satisfies ResponseSpec;

/** An operation's part of the OpenAPI document: every status that it can give, with body and headers. */
export function operation(spec: OperationSpec) {
	const { unlimited = false } = spec;
	const limited = unlimited ? [] : (["rate_limited"] as const);
	const errors: readonly ErrorCode[] = [...spec.errors, ...limited, "internal"];
	return {
		operationId: spec.operationId,
		tags: [spec.tag.name],
		[tagKey]: spec.tag,
		summary: spec.summary,
		description: spec.description,
		security: securityOf(spec),
		...parametersOf(spec),
		...bodyOf(spec),
		responses: { ...responsesOf(spec), ...errorResponses(errors, unlimited) },
	};
}

/** An empty list says that no credential is wanted, an empty object in the list that one may be left out. */
function securityOf({ security, anonymousToo = false }: OperationSpec) {
	if (security === undefined) return [];
	return [...[security].flat().map((scheme) => ({ [scheme]: [] })), ...(anonymousToo ? [{}] : [])];
}

function parametersOf({ requestHeaders = [], pathParameters = [], query }: OperationSpec) {
	const parameters = [...pathParameters, ...queryParameters(query), ...requestHeaders.map(headerParameter)];
	return parameters.length > 0 ? { parameters } : {};
}

function bodyOf({ body, bodyTypes = ["application/json"] }: OperationSpec) {
	if (body === undefined) return {};
	const content = Object.fromEntries(bodyTypes.map((type) => [type, { schema: body }]));
	return { requestBody: { content, required: true } };
}

function responsesOf({ responses, unlimited = false }: OperationSpec) {
	return Object.fromEntries(
		Object.entries(responses).map(([status, spec]) => [status, responseOf(spec, unlimited)]),
	);
}

function responseOf(spec: ResponseSpec, unlimited: boolean) {
	const { description, schema, contentType = "application/json", headers = [] } = spec;
	const response = {
		description,
		headers: describedHeaders(headers, unlimited),
		...(schema !== undefined && { content: { [contentType]: { schema } } }),
	};
	return spec.component === undefined ? response : component("responses", spec.component, response);
}
