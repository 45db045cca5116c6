// An authenticator of Chromium's own, for the specs that sign in by passkeys.
import type { CDPSession, Page } from "@playwright/test";

/** A device that keeps passkeys, and whether its owner unlocks it. */
export async function device(page: Page): Promise<{ cdp: CDPSession; opens: (opens: boolean) => Promise<unknown> }> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const options = {
    automaticPresenceSimulation: true,
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    protocol: "ctap2",
    transport: "internal",
  } as const;
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
  return { cdp, opens: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }) };
}
