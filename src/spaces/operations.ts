import { notModified, operation } from "../http/operation.ts";
import { pathParameter } from "../http/parameters.ts";
import {
	Member,
	MemberList,
	NewMember,
	NewSpace,
	PageQuery,
	Space,
	SpaceList,
	SpacePatch,
} from "./schema.ts";
import { madeMax } from "./service.ts";

const tag = {
	name: "Spaces",
	description:
		"Projects with tasks, events and jobs of their own, and who may do what there. The routes of what is in a space stand behind `/spaces/{space}` too.",
};
const security = "bearer";
const space = pathParameter("SpaceName", "space", "The space's name.");

export const createSpaceOperation = operation({
	operationId: "createSpace",
	tag,
	summary: "Make a space",
	description: `Its maker is its first owner. A user can have made ${madeMax} at a time. Wants a JWT.`,
	body: NewSpace,
	security,
	responses: {
		200: { description: "The space.", schema: Space, headers: ["ETag", "Cache-Control", "Location"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"conflict",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});

export const listSpacesOperation = operation({
	operationId: "listSpaces",
	tag,
	summary: "List the spaces that the credential reaches, a page at a time",
	description: "In the order in which they were made, each with the caller's role.",
	query: PageQuery,
	security: ["bearer", "apiKey"],
	responses: {
		200: { description: "A page of spaces.", schema: SpaceList, headers: ["Cache-Control", "Vary", "Link"] },
	},
	errors: ["unauthorized", "forbidden", "validation_error", "unavailable"],
});

export const getSpaceOperation = operation({
	operationId: "getSpace",
	tag,
	summary: "Get one space",
	description: "A space that the credential does not reach is not there.",
	security: ["bearer", "apiKey"],
	pathParameters: [space],
	requestHeaders: ["If-None-Match"],
	responses: {
		200: { description: "The space.", schema: Space, headers: ["ETag", "Cache-Control", "Vary"] },
		304: notModified,
	},
	errors: ["unauthorized", "forbidden", "not_found", "unavailable"],
});

export const updateSpaceOperation = operation({
	operationId: "updateSpace",
	tag,
	summary: "Change the title of a space",
	description:
		"For owners, with a JWT. `null` resets the title. A patch that changes nothing keeps version and ETag.",
	body: SpacePatch,
	bodyTypes: ["application/json", "application/merge-patch+json"],
	security,
	pathParameters: [space],
	requestHeaders: ["If-Match"],
	responses: {
		200: { description: "The changed space.", schema: Space, headers: ["ETag", "Cache-Control"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"not_found",
		"precondition_failed",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"precondition_required",
		"unavailable",
	],
});

export const removeSpaceOperation = operation({
	operationId: "deleteSpace",
	tag,
	summary: "Delete a space with everything in it",
	description:
		"For owners, with a JWT. From then on it is there for nobody: its streams end, and its name is free. `default` cannot be deleted.",
	security,
	pathParameters: [space],
	requestHeaders: ["If-Match"],
	responses: { 204: { description: "The space is gone." } },
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"not_found",
		"conflict",
		"precondition_failed",
		"precondition_required",
		"unavailable",
	],
});

export const listMembersOperation = operation({
	operationId: "listMembers",
	tag,
	summary: "List who is in a space, a page at a time",
	description: "In the order of their ids. Owners see the e-mail addresses. Every user is in `default`.",
	query: PageQuery,
	security: ["bearer", "apiKey"],
	pathParameters: [space],
	responses: {
		200: {
			description: "A page of members.",
			schema: MemberList,
			headers: ["Cache-Control", "Vary", "Link"],
		},
	},
	errors: ["unauthorized", "forbidden", "not_found", "validation_error", "unavailable"],
});

export const setMemberOperation = operation({
	operationId: "setMember",
	tag,
	summary: "Add a user to a space, or change a member's role",
	description:
		"For owners, with a JWT. Wants no `If-Match`: the last change counts. A space has at least one owner.",
	body: NewMember,
	security,
	pathParameters: [space],
	responses: { 200: { description: "The member.", schema: Member, headers: ["Cache-Control"] } },
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"not_found",
		"conflict",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});

export const removeMemberOperation = operation({
	operationId: "removeMember",
	tag,
	summary: "Take a user out of a space",
	description: "For owners, and for everybody to leave; with a JWT. Nobody leaves `default`.",
	security,
	pathParameters: [space, pathParameter("UserId", "id", "The user's id.")],
	responses: { 204: { description: "The user is no member any more." } },
	errors: ["unauthorized", "forbidden", "not_found", "conflict", "unavailable"],
});
