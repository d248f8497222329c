// The peer: npm `oidc-provider`, in memory, unrecorded, with the same work to do: ES256 access tokens for a resource,
// by client credentials and by code with PKCE. Whoever asks is signed in and agrees.
// Usage: node oidc-provider.mjs PORT
import { createServer } from "node:http";
import { generateKeyPair, exportJWK } from "jose";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://localhost:${port}`;
const resource = `${issuer}/mcp/bench`;
const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const key = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "k" };

const provider = new Provider(issuer, {
  jwks: { keys: [key] },
  clients: [
    { client_id: "batch", client_secret: process.env.BATCH_SECRET, grant_types: ["client_credentials"], redirect_uris: [], response_types: [], id_token_signed_response_alg: "ES256" },
    {
      client_id: "app", token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"], response_types: ["code"],
      redirect_uris: ["https://app.example/cb"], application_type: "web", id_token_signed_response_alg: "ES256",
    },
  ],
  routes: { authorization: "/authorize" },
  cookies: { keys: ["bench"] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: "use", audience: resource, accessTokenTTL: 300, accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } }),
    },
  },
});

async function agree(req, res) {
  const { prompt, params, session } = await provider.interactionDetails(req, res);
  if (prompt.name === "login") return provider.interactionFinished(req, res, { login: { accountId: "alice" } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addResourceScope(resource, "use");
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const serve = provider.callback();
createServer((req, res) => (req.url.startsWith("/interaction/") ? agree(req, res).catch((e) => res.writeHead(500).end(e.stack)) : serve(req, res)))
  .listen(port, "127.0.0.1");
