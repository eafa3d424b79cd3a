import { expect, test } from "bun:test";
import { clientAddress } from "../../src/http/client-address.ts";
import { requestIdOf } from "../../src/http/request-context.ts";
import { addressKey } from "../../src/rate-limit/limiter.ts";

const forwarded = (value: string) => new Headers({ "x-forwarded-for": value });

test.each([
	[0, "1.1.1.1", "9.9.9.9"],
	[1, "1.1.1.1", "1.1.1.1"],
	[1, "6.6.6.6, 1.1.1.1", "1.1.1.1"],
	[2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"],
	[2, "6.6.6.6,7.7.7.7 ,1.1.1.1 , 2.2.2.2", "1.1.1.1"],
	[1, " 2001:db8::1 ", "2001:db8::1"],
	[1, "6.6.6.6, 1.1.1.1,", "1.1.1.1"],
	[2, "6.6.6.6,, 1.1.1.1, , 2.2.2.2 ,", "1.1.1.1"],
	[2, "1.1.1.1", "1.1.1.1"],
])("behind %d proxies, X-Forwarded-For: %s is %s", (proxies, header, address) => {
	expect(clientAddress("9.9.9.9", forwarded(header), proxies)).toBe(address);
});

test.each([
	["198.51.100.8", "198.51.100.8"],
	["198.51.100.8:40001", "198.51.100.8"],
	['"198.51.100.8:40001"', "198.51.100.8"],
	[' "198.51.100.8" ', "198.51.100.8"],
	["198.51.100.8:", "198.51.100.8"],
	["[198.51.100.8]:40001", "198.51.100.8"],
	["2001:db8::1", "2001:db8::1"],
	["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
	["2001:0db8:0000::0001", "2001:db8::1"],
	["[2001:db8::1]", "2001:db8::1"],
	["[2001:db8::1]:40001", "2001:db8::1"],
	['"[2001:db8::1]:40001"', "2001:db8::1"],
	["2001:db8::1:40001", "2001:db8::1"],
	["2001:db8:1:2:3:4:5:6:4001", "2001:db8:1:2:3:4:5:6"],
	["fe80::1%eth0", "fe80::1"],
	["[fe80::1%25eth0]:40001", "fe80::1"],
	["::ffff:198.51.100.8", "198.51.100.8"],
	["[::ffff:198.51.100.8]:40001", "198.51.100.8"],
	["::FFFF:c633:6408", "198.51.100.8"],
	["0:0:0:0:0:ffff:198.51.100.8", "198.51.100.8"],
	["::ffff:0.0.0.1", "0.0.0.1"],
	["unknown", "unknown"],
	["unknown:40001", "unknown"],
	["_hidden", "_hidden"],
	["_hidden:_40001", "_hidden"],
	["unix:", "unix"],
	["[]", "unknown"],
	["[::1", "unknown"],
	[":::::", "unknown"],
	["\u00e4\u00f6", "unknown"],
	["198.51.100.8:1:2", "198.51.100.8"],
	["198.51.100.999:40001", "198.51.100.999"],
])("a proxy that writes %s names %s", (member, address) => {
	for (const list of [member, `6.6.6.6:1, ${member}`, `,${member} , `]) {
		expect(clientAddress("9.9.9.9", forwarded(list), 1)).toBe(address);
	}
});

test("no port makes a client of its own, whatever stands for the address", () => {
	const hosts = [
		"198.51.100.8",
		"[2001:db8::1]",
		"[::ffff:198.51.100.8]",
		"[fe80::1%eth0]",
		"unknown",
		"_x",
		"2001:db8::1",
	];
	for (const host of hosts) {
		const keys = Array.from({ length: 2000 }, (_, n) =>
			addressKey(clientAddress("9.9.9.9", forwarded(`${host}:${1 + n * 32}`), 1)),
		);
		expect([host, new Set(keys).size]).toEqual([host, 1]);
	}
});

test("a header that is sent twice is one list", () => {
	const twice = new Headers([
		["x-forwarded-for", "6.6.6.6"],
		["x-forwarded-for", "1.1.1.1:5"],
	]);
	expect(clientAddress("9.9.9.9", twice, 1)).toBe("1.1.1.1");
	expect(clientAddress("9.9.9.9", twice, 2)).toBe("6.6.6.6");
});

test("without the header, or with an empty one, the socket's address is used", () => {
	for (const headers of [new Headers(), forwarded(""), forwarded(" , ")]) {
		expect(clientAddress("9.9.9.9", headers, 1)).toBe("9.9.9.9");
		expect(clientAddress("9.9.9.9", headers, 3)).toBe("9.9.9.9");
	}
});

test("an address from a client's header is never longer than an address can be", () => {
	for (const long of ["x", ":", "[", "]", "%", '"', "1:", "1.", "::", "[::1]:"].map((part) =>
		part.repeat(10_000),
	)) {
		const address = clientAddress("9.9.9.9", forwarded(long), 1);
		expect(address).toMatch(/^[\w.:-]{1,64}$/);
	}
});

test.each([
	["127.0.0.1", "127.0.0.1"],
	["::ffff:127.0.0.1", "127.0.0.1"],
	["::FFFF:10.0.0.1", "10.0.0.1"],
	["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
	["2001:db8:1:2::", "2001:db8:1:2::/64"],
	["2001:DB8:0001:0002::1", "2001:db8:1:2::/64"],
	["2001:db8::1", "2001:db8:0:0::/64"],
	["2001:db8:0:0:0:0:0:1", "2001:db8:0:0::/64"],
	["::1", "0:0:0:0::/64"],
	["::", "0:0:0:0::/64"],
	["fe80::1%eth0", "fe80:0:0:0::/64"],
	["1::2:3:4:5:6:7", "1:0:2:3::/64"],
	["unknown", "unknown"],
])("%s is counted as %s", (address, key) => {
	expect(addressKey(address)).toBe(key);
});

test("all spellings of an IPv6 address have the same key", () => {
	for (let round = 0; round < 500; round++) {
		const groups = Array.from({ length: 8 }, () =>
			Math.random() < 0.4 ? 0 : Math.floor(Math.random() * 0x10000),
		);
		const plain = groups.map((group) => group.toString(16));
		const padded = plain.map((group) => group.padStart(4, "0").toUpperCase());
		const short = new URL(`http://[${plain.join(":")}]`).hostname.slice(1, -1);
		expect(addressKey(padded.join(":"))).toBe(addressKey(plain.join(":")));
		expect(addressKey(short)).toBe(addressKey(plain.join(":")));
	}
});

test("a valid request id is kept, any other is replaced", () => {
	const id = (value: string) => requestIdOf(new Headers({ "x-request-id": value }));
	for (const good of ["a", "A-b_c.9", "0".repeat(128)]) expect(id(good)).toBe(good);
	for (const bad of ["", "0".repeat(129), "a b", "a\tb", "ä", '"', "a/b", "a,b"])
		expect(id(bad)).toMatch(/^[0-9a-f-]{36}$/);
	expect(requestIdOf(new Headers())).not.toBe(requestIdOf(new Headers()));
});
