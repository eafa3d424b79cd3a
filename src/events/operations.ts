import Type from "typebox";
import { operation } from "../http/operation.ts";
import { EventList, EventQuery, TailQuery } from "./schema.ts";

const tag = {
	name: "Events",
	description: "The log of changes: one event for every change, in the order of their commits.",
};
const whoSeesWhat =
	"Who may read tasks sees `task.*`: in `default` everybody, or with `READS=login` whoever has a credential, as in every other space. Who may use jobs sees `job.*` too: an API key (with `READS=login` these alone), an access token with the scope `jobs`, a writer. `types` narrows that: `types=job.*` from anybody else is no error and gives nothing.";
/** Without any where reads are public. */
const reading = { security: ["apiKey", "bearer"], anonymousToo: true } as const;

export const listOperation = operation({
	operationId: "listEvents",
	tag,
	summary: "Read the log of changes, a page at a time",
	description: `${whoSeesWhat} A page may be short, or empty, before the end of the log; then \`next_after\` has moved on.`,
	...reading,
	query: EventQuery,
	responses: {
		200: {
			description: "Events in the order of their commits.",
			schema: EventList,
			headers: ["Cache-Control", "Vary"],
		},
	},
	errors: ["unauthorized", "forbidden", "not_found", "gone", "validation_error", "unavailable"],
});

export const tailOperation = operation({
	operationId: "tailEvents",
	tag,
	summary: "Follow the log of changes",
	description: `A stream of server-sent events: \`id\` is the event's number, \`event\` its type, \`data\` a CloudEvents 1.0 object. It replays what came after \`Last-Event-ID\` and goes on live, without a gap or a repeat. To mirror a list: read it, then tail from its \`X-Event-Id\`. A \`bookmark\` event moves the id past events that the filter leaves out. A \`gone\` event ends a stream whose next events are not kept any more: list again. An \`unauthorized\` event ends one whose credential, membership or right has ended. ${whoSeesWhat}`,
	...reading,
	query: TailQuery,
	requestHeaders: ["Last-Event-ID"],
	responses: {
		200: {
			description: "The stream.",
			contentType: "text/event-stream",
			schema: Type.String({
				examples: ['id: 42\nevent: task.created\ndata: {"data":{…},"id":"42","type":"task.created",…}\n\n'],
			}),
			headers: ["Cache-Control", "Vary"],
		},
	},
	errors: ["unauthorized", "forbidden", "not_found", "gone", "validation_error", "unavailable"],
});
