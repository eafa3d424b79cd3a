import Type, { type TSchema } from "typebox";
import { component, componentKey } from "./component.ts";

/** Request headers that operations read, beside the credential. */
const requestHeaders = {
	"Idempotency-Key": {
		description:
			"1 to 255 visible ASCII characters. A repeat with the same key and body within 24 hours replays the first response.",
	},
	"Claim-Fence": {
		description:
			"The fence of the task's claim, which must last, or `*` for any claim or none (with a login). While a task is claimed, its deletion and a change of its status need it.",
	},
	"If-Match": { description: "The ETag last seen, or `*`.", required: true },
	"If-None-Match": { description: "ETags that the client has; one that is current gives 304." },
	"Last-Event-ID": {
		description: "The last number already seen; 0: from the oldest kept; absent or empty: from now on.",
	},
} as const;
export type RequestHeaderName = keyof typeof requestHeaders;

export interface Parameter {
	readonly name: string;
	readonly in: "path" | "query" | "header";
	readonly required: boolean;
	readonly description?: string;
	readonly schema: object;
	/** Of a list: it is given as `name=a&name=b`. */
	readonly explode?: true;
	readonly [componentKey]?: string;
}

export function headerParameter(name: RequestHeaderName): Parameter {
	const { description, required = false }: { readonly description: string; readonly required?: boolean } =
		requestHeaders[name];
	const schema = { type: "string" };
	return component("parameters", name, { name, in: "header" as const, required, description, schema });
}

/** A parameter of the path, such as `id` in `/collab/tasks/{id}`, under a name that no other path's parameter has. */
export function pathParameter(shared: string, name: string, description: string): Parameter {
	const schema = { type: "string" };
	return component("parameters", shared, { name, in: "path" as const, required: true, description, schema });
}

/** The parameters that a query string's schema reads, in its order. */
export function queryParameters(query: TSchema | undefined): readonly Parameter[] {
	const { properties = {}, required = [] } = (query ?? {}) as {
		readonly properties?: Readonly<Record<string, QueryProperty>>;
		readonly required?: readonly string[];
	};
	return Object.entries(properties).map(([name, { description, [componentKey]: shared, ...schema }]) => ({
		name,
		in: "query" as const,
		required: required.includes(name),
		...(description !== undefined && { description }),
		...(shared !== undefined && { [componentKey]: shared }),
		...(schema.type === "array" && { explode: true as const }),
		schema,
	}));
}

interface QueryProperty {
	readonly type?: string;
	readonly description?: string;
	readonly [componentKey]?: string;
}

/** What every list that is read a page at a time takes. */
export const pageParameters = {
	cursor: Type.Optional(
		Type.String({
			maxLength: 300,
			description: "The `next_cursor` of the page before.",
			[componentKey]: "parameters/cursor",
		}),
	),
	limit: Type.Optional(
		Type.Integer({
			minimum: 1,
			maximum: 1000,
			default: 100,
			description: "How many items at most.",
			[componentKey]: "parameters/limit",
		}),
	),
};
