/** What a request's `Claim-Fence` says: nothing, any claim or none, or a fence, which is an integer from 1. */
export function readClaimFence(headers: Headers): "absent" | "malformed" | "any" | number {
	const text = headers.get("claim-fence");
	if (text === null) return "absent";
	if (text === "*") return "any";
	// One that a double does not hold is the fence of no claim.
	return /^[1-9]\d*$/.test(text) ? Number(text) : "malformed";
}
