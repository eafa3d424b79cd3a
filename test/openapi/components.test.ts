import { expect, test } from "bun:test";
import { shareComponents } from "../../src/openapi/components.ts";
import { toOpenapi30 } from "../../src/openapi/openapi30.ts";

const ref = (path: string) => ({ $ref: `#/components/${path}` });

test("named parts are moved to the components, from the inside out, and existing components stay", () => {
	const fault = { $id: "Fault", type: "object" };
	const error = { $id: "Error", properties: { fault, details: { items: fault } } };
	const response = { "x-component": "responses/NotFound", content: { schema: error } };
	expect(
		shareComponents({ components: { securitySchemes: {} }, paths: { "/a": [response, response] } }),
	).toEqual({
		components: {
			responses: { NotFound: { content: { schema: ref("schemas/Error") } } },
			schemas: {
				Error: { properties: { fault: ref("schemas/Fault"), details: { items: ref("schemas/Fault") } } },
				Fault: { type: "object" },
			},
			securitySchemes: {},
		},
		paths: { "/a": [ref("responses/NotFound"), ref("responses/NotFound")] },
	});
});

test("two different parts with one name are a defect", () => {
	const paths = { a: { $id: "Task", type: "object" }, b: { $id: "Task", type: "string" } };
	expect(() => shareComponents({ paths })).toThrow("schemas/Task");
});

test("an example and a property may have the names that schemas use", () => {
	const schema = {
		properties: { $id: { type: "string" }, const: { type: "string" }, example: { $id: "Named", const: 1 } },
		example: { $id: "Task", const: 1 },
	};
	const { paths, components } = shareComponents({ paths: toOpenapi30(schema) });
	expect(paths).toEqual({
		properties: { $id: { type: "string" }, const: { type: "string" }, example: ref("schemas/Named") },
		example: { $id: "Task", const: 1 },
	});
	expect(components).toEqual({ schemas: { Named: { type: "number", enum: [1] } } });
});

test("JSON Schema is converted to what OpenAPI 3.0 supports", () => {
	expect(toOpenapi30({ anyOf: [{ type: "string", maxLength: 3 }, { type: "null" }] })).toEqual({
		type: "string",
		maxLength: 3,
		nullable: true,
	});
	expect(toOpenapi30({ anyOf: [{ const: "a" }, { type: "integer" }, { type: "null" }] })).toEqual({
		anyOf: [{ type: "string", enum: ["a"] }, { type: "integer" }],
		nullable: true,
	});
	expect(toOpenapi30({ enum: ["a", "b"], examples: ["b", "a"] })).toEqual({
		type: "string",
		enum: ["a", "b"],
		example: "b",
	});
});
