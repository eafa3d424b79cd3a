import { isIP } from "node:net";

/**
 * The client's address. Each of `trustedProxies` proxies appends the address that it saw, so the client's is that many
 * from the right of `X-Forwarded-For`; what is further left came from the client and may be made up. Empty members of
 * the list do not count (RFC 9110 §5.6.1).
 */
export function clientAddress(socket: string, headers: Headers, trustedProxies: number): string {
	if (trustedProxies === 0) return socket;
	const members = (headers.get("x-forwarded-for") ?? "").split(",").filter((member) => member.trim() !== "");
	const member = members.at(-trustedProxies) ?? members[0];
	return member === undefined ? socket : addressOf(member);
}

/**
 * The address in a member of the list, in one form: some gateways write it with its port, in brackets or in quotes, and
 * each port would be a client of its own.
 */
function addressOf(member: string): string {
	const text = member.replaceAll('"', "").trim();
	const host = /^\[([^\]]*)\](?::[^:]*)?$/.exec(text)?.[1] ?? text;
	const bare = withoutZone(host);
	if (isIP(bare) !== 0) return oneForm(bare);
	const withoutPort = withoutZone(host.slice(0, Math.max(0, host.lastIndexOf(":"))));
	return isIP(withoutPort) === 0 ? nameOf(host) : oneForm(withoutPort);
}

/** A zone names an interface of the proxy, and says nothing of the client. */
function withoutZone(host: string): string {
	const zone = host.indexOf("%");
	return zone === -1 ? host : host.slice(0, zone);
}

/** IPv6 as RFC 5952 writes it; an IPv4-mapped address is the IPv4 address. */
function oneForm(address: string): string {
	if (isIP(address) === 4) return address;
	const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
	const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(text) ?? [];
	if (high === undefined || low === undefined) return text;
	return [high, low]
		.map((group) => Number.parseInt(group, 16))
		.flatMap((group) => [group >> 8, group & 255])
		.join(".");
}

/** What stands where an address should, such as `unknown` or `_hidden` (RFC 7239 §6), without its port and short. */
function nameOf(text: string): string {
	return /^[\w.-]{1,64}/.exec(text)?.[0] ?? "unknown";
}
