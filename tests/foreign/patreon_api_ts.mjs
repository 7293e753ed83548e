// patreon-api.ts: authorize, token, refresh, identity, campaigns, all members, webhooks.
import { createServer } from "node:http";
import { PatreonUserClient, QueryBuilder, verify } from "patreon-api.ts";

const sandbox = process.argv[2];
const client = new PatreonUserClient({
  oauth: {
    clientId: "sandbox-client",
    clientSecret: "sandbox-secret",
    redirectUri: "http://localhost:8000/callback",
    scopes: ["identity", "campaigns", "campaigns.members", "w:campaigns.webhook"],
    accessTokenUri: `${sandbox}/api/oauth2/token`,
    authorizationUri: `${sandbox}/oauth2/authorize`,
  },
  rest: { api: `${sandbox}/api/oauth2/v2` },
});

const consent = await fetch(`${client.oauth.oauthUri}&sandbox_user=creator`, { redirect: "manual" });
const first = await client.fetchToken(consent.headers.get("location"));
const token = await client.oauth.refreshToken(first);
const options = { token };

const identity = await client.fetchIdentity(
  QueryBuilder.identity.addRelationships(["campaign"]).setAttributes({
    user: ["full_name"], campaign: ["vanity"],
  }), options);
const campaigns = await client.fetchCampaigns(
  QueryBuilder.campaigns.addRelationships(["tiers"]).setAttributes({
    campaign: ["patron_count"], tier: ["title", "amount_cents"],
  }), options);
const campaignId = campaigns.data[0].id;

const members = new Set();
let pages = 0;
const query = QueryBuilder.campaignMembers.addRelationships(["currently_entitled_tiers", "user"])
  .setAttributes({ member: ["full_name", "patron_status"], tier: ["title"] });
for await (const page of client.paginateCampaignMembers(campaignId, query, options)) {
  pages += 1;
  page.data.forEach((each) => members.add(each.id));
}

const arrived = [];
const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (part) => { body += part; }).on("end", () => {
    arrived.push({ event: request.headers["x-patreon-event"], body,
      signature: request.headers["x-patreon-signature"] });
    response.end();
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const created = await client.webhooks.createWebhook({
  triggers: ["members:update"], uri: `http://127.0.0.1:${server.address().port}/`, campaignId,
}, options);
const secret = created.data.attributes.secret;
await fetch(`${sandbox}/_sandbox/members`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ do: "decline", user: "gold" }),
});
for (let tries = 0; tries < 200 && !arrived.length; tries += 1) {
  await new Promise((done) => setTimeout(done, 25));
}
const verified = verify(secret, arrived[0].signature, arrived[0].body);
const paused = await client.webhooks.pauseWebhook(created.data.id, options);
const unpaused = await client.webhooks.unpauseWebhook(created.data.id, options);
const listed = await client.webhooks.fetchWebhooks(
  QueryBuilder.webhooks.setAttributes({ webhook: ["uri", "paused"] }), options);
await client.webhooks.deleteWebhook(created.data.id, options);
const left = await client.webhooks.fetchWebhooks(
  QueryBuilder.webhooks.setAttributes({ webhook: ["uri"] }), options);
server.close();

console.log(JSON.stringify({
  name: identity.data.attributes.full_name,
  campaign: identity.data.relationships.campaign.data.id,
  tiers: campaigns.included.map((each) => each.attributes.title),
  members: members.size, pages, event: arrived[0].event, verified,
  paused: paused.data.attributes.paused, unpaused: unpaused.data.attributes.paused,
  listed: listed.data.length, left: left.data.length,
}));
process.exit(0);
