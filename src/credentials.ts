/** What an e-mail address and a password may look like, wherever one is given: environment, command line, login. */

export const passwordLengthMin = 8;
export const passwordLengthMax = 1024;

export function isPassword(text: string): boolean {
	return text.length >= passwordLengthMin && text.length <= passwordLengthMax;
}

/** Whether a text can be an address at all; only mail itself can show more. */
export function isEmail(text: string): boolean {
	return /^[^\s@]{1,64}@[^\s@]{1,189}$/.test(text);
}

/** The form in which addresses are kept and compared. */
export function normalizeEmail(email: string): string {
	return email.trim().toLowerCase();
}
