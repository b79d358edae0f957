// oidc-provider on the loopback address, as one JSON object on standard input says; ends when standard input does.
// Prints {"issuer": …} when it listens. What the object may hold is in __init__.py.
//
// Beside it, the two things of a SMART server that OpenID Connect has no name for: /fhir/.well-known/smart-configuration,
// and launch context in the answer with the token. /fhir/Patient/{id} answers to whoever brings a token of this server.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const { value: line } = await lines[Symbol.asyncIterator]().next();
const settings = JSON.parse(line);
lines.on('close', () => process.exit(0));

const server = createServer();
await new Promise((listening) => { server.listen(settings.port ?? 0, '127.0.0.1', listening); });
const issuer = `http://127.0.0.1:${server.address().port}`;
const algorithms = ['RS256', 'RS384', 'ES256', 'ES384', 'PS256'];
const account = settings.account ?? { sub: 'somebody' };

const provider = new Provider(issuer, {
  clients: settings.clients,
  jwks: settings.jwks,
  cookies: { keys: ['of a test'] },
  scopes: settings.scopes,
  claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['name'] },
  conformIdTokenClaims: false, // fhirUser belongs into the ID token (SMART App Launch 2.2)
  clientAuthMethods: ['none', 'private_key_jwt', 'client_secret_basic', 'client_secret_post'],
  enabledJWA: { clientAuthSigningAlgValues: algorithms, idTokenSigningAlgValues: algorithms },
  // Key sets of clients are on the loopback address in tests; the dispatcher is what would keep the server from there.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  extraParams: ['aud', 'launch'],
  pkce: { required: () => true },
  ttl: { AccessToken: settings.lifetime ?? 300, ClientCredentials: settings.lifetime ?? 300 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, indicator) => settings.resources[indicator],
    },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => account }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // Whoever may log in agrees: consent is not what is tested.
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope(settings.scopes.join(' '));
    for (const [indicator, { scope }] of Object.entries(settings.resources)) grant.addResourceScope(indicator, scope);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'token' && ctx.body?.access_token && ctx.oidc.params.grant_type === 'authorization_code') {
    Object.assign(ctx.body, settings.context);
  }
});

const interaction = async (request, response) => {
  await provider.interactionFinished(request, response, { login: { accountId: account.sub } });
};

const send = (response, status, body) => {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' });
  response.end(JSON.stringify(body));
};

const smart = () => ({
  issuer,
  jwks_uri: `${issuer}/jwks`,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  grant_types_supported: ['authorization_code', 'client_credentials'],
  token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic'],
  token_endpoint_auth_signing_alg_values_supported: algorithms,
  scopes_supported: settings.scopes,
  code_challenge_methods_supported: ['S256'],
  capabilities: [
    'launch-ehr', 'client-public', 'client-confidential-asymmetric', 'context-ehr-patient', 'permission-v2', 'sso-openid-connect',
  ],
  ...settings.smart,
});

const patient = async (request, response, id) => {
  const [, token] = (request.headers.authorization ?? '').split(' ');
  const known = token && (await provider.ClientCredentials.find(token) ?? await provider.AccessToken.find(token));
  if (!known?.isValid) send(response, 401, { resourceType: 'OperationOutcome', issue: [] });
  else send(response, 200, { resourceType: 'Patient', id, meta: { tag: [{ code: known.scope }] } });
};

const oidc = provider.callback();
server.on('request', (request, response) => {
  const path = new URL(request.url, issuer).pathname;
  if (path === '/fhir/.well-known/smart-configuration') send(response, 200, smart());
  else if (path.startsWith('/fhir/Patient/')) patient(request, response, path.split('/').pop());
  else if (path.startsWith('/interaction/')) interaction(request, response);
  else oidc(request, response);
});

console.log(JSON.stringify({ issuer }));
