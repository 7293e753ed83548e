// Patreon's own package for JavaScript: tokens, refresh, and API v1, which it is made for.
import official from "patreon";

const sandbox = process.env.PATREON_OAUTH_HOST;
const back = "http://localhost:8000/callback";
const query = new URLSearchParams({
  response_type: "code", client_id: "sandbox-client", redirect_uri: back,
  scope: "identity identity[email] identity.memberships", sandbox_user: "gold",
});
const consent = await fetch(`${sandbox}/oauth2/authorize?${query}`, { redirect: "manual" });
const code = new URL(consent.headers.get("location")).searchParams.get("code");
const oauth = official.oauth("sandbox-client", "sandbox-secret");
const first = await oauth.getTokens(code, back);
const tokens = await oauth.refreshToken(first.refresh_token);
const { store, rawJson } = await official.patreon(tokens.access_token)("/current_user");
const user = store.findAll("user").find((each) => each.id === rawJson.data.id);
console.log(JSON.stringify({
  name: user.full_name, email: user.email, pledges: user.pledges.map((each) => each.amount_cents),
}));
