import { expect, test } from "bun:test";
import { changeContext, RequestContext, setContext } from "../../src/http/request-context.ts";
import { onEnd } from "../support/teardown.ts";

test("a request that no guard has passed makes no change; after one, its changes bear who it is", async () => {
	const server = Bun.serve({
		port: 0,
		fetch(request) {
			const context = new RequestContext(request, server, 0);
			setContext(request, context);
			expect(() => changeContext(request)).toThrow("no guard");
			context.actor = "user/u";
			return Response.json(changeContext(request));
		},
	});
	onEnd(() => server.stop(true));
	const answer = await fetch(server.url, { headers: { "x-request-id": "r" } });
	expect(await answer.json()).toEqual({ actor: "user/u", requestId: "r", space: 1 });
});
