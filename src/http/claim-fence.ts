/** What a request's `Claim-Fence` says: nothing, any claim or none, or a fence, which is an integer from 1. */
export function readClaimFence(headers: Headers): "absent" | "malformed" | "any" | number {
	const text = headers.get("claim-fence");
	if (text === null) return "absent";
	if (text === "*") return "any";
	const fence = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
	return Number.isSafeInteger(fence) ? fence : "malformed";
}
