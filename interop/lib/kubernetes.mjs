// A Kubernetes API server of the run's own, with the etcd it keeps its objects in: see ../kubernetes/.

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort, serveUntil, temporary } from './process.mjs';
import { at } from './world.mjs';

const VERSION = /^\tk8s\.io\/kubernetes (v[\d.]+)$/m.exec(readFileSync(at('kubernetes/apiserver/go.mod'), 'utf8'))[1];
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'prokura-ci');

/** Where `kubernetes/build.sh` puts it. */
export const binary = () => join(CACHE, `kubernetes-${VERSION}`, 'apiserver');
export const there = () => existsSync(binary());

/** The issuer of the cluster, as most clusters have it: no address that anybody outside could ask. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** Starts a cluster; all its data are in a temporary folder. */
export async function cluster() {
    const folder = temporary('prokura-kubernetes-');
    const [port, etcdPort] = [await freePort(), await freePort()];
    const admin = randomBytes(24).toString('hex');
    writeFileSync(join(folder, 'tokens.csv'), `${admin},admin,admin,system:masters\n`, { mode: 0o600 });
    const started = new Cluster(folder, port, etcdPort, admin);
    started.newKey();
    await started.start();
    return started;
}

class Cluster {
    /** Files with the keys of service accounts, the newest last. */
    keys = [];

    constructor(folder, port, etcdPort, admin) {
        Object.assign(this, { folder, port, etcdPort, admin, address: `https://127.0.0.1:${port}`, ca: join(folder, 'certs', 'apiserver.crt') });
    }

    /** A key that signs from the next start on. */
    newKey() {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const file = join(this.folder, `account-${this.keys.length}.pem`);
        writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
        this.keys.push(file);
    }

    /** Starts it with the last `count` keys of those it has; the newest signs. */
    async start(count = this.keys.length) {
        await this.running?.stop();
        const keys = this.keys.slice(-count);
        const publics = keys.map(key => {
            const file = key.replace('.pem', '.pub');
            writeFileSync(file, createPublicKey(createPrivateKey(readFileSync(key))).export({ type: 'spki', format: 'pem' }));
            return file;
        });
        const flags = [
            '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${this.port}`, `--cert-dir=${join(this.folder, 'certs')}`,
            `--service-account-issuer=${ISSUER}`, `--service-account-signing-key-file=${keys.at(-1)}`, ...publics.map(key => `--service-account-key-file=${key}`),
            `--service-account-jwks-uri=${this.address}/openid/v1/jwks`, '--service-cluster-ip-range=10.0.0.0/24',
            '--authorization-mode=RBAC', `--token-auth-file=${join(this.folder, 'tokens.csv')}`,
        ];
        const args = ['--etcd-dir', join(this.folder, 'etcd'), '--etcd-port', String(this.etcdPort), '--', ...flags];
        const ready = async () => existsSync(this.ca) && (await this.ask('GET', '/readyz').catch(() => ({}))).status === 200;
        this.running = await serveUntil(ready, binary(), args, { timeoutMs: 120_000, cwd: this.folder });
    }

    /** Asks the API server: { status, body }. Without a token, as nobody. */
    ask(method, path, body, { type = 'application/json', accept = 'application/json', token = this.admin } = {}) {
        const headers = { accept, ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': type }) };
        return new Promise((done, fail) => {
            const asked = request(`${this.address}${path}`, { method, headers, ca: readFileSync(this.ca) }, answer => {
                let text = '';
                answer.setEncoding('utf8').on('data', chunk => (text += chunk)).on('end', () => done({ status: answer.statusCode, body: parsed(text) }));
            });
            asked.on('error', fail);
            asked.end(body && (typeof body === 'string' ? body : JSON.stringify(body)));
        });
    }

    /** Asks, and fails unless the answer is good. */
    async must(method, path, body, options) {
        const answer = await this.ask(method, path, body, options);
        if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body?.message ?? ''}`);
        return answer.body;
    }

    /** Applies a file of documents as `kubectl apply --server-side --validate=strict` would; returns what was applied. */
    async apply(text) {
        const applied = [];
        for (const document of text.split(/^---$/m).filter(d => /^kind:/m.test(d))) {
            const [, kind] = /^kind: (\w+)$/m.exec(document);
            const [, version] = /^apiVersion: ([\w./]+)$/m.exec(document);
            const [, name] = /^metadata:\n(?: .*\n)*? {2}name: ([\w:.-]+)$/m.exec(document);
            const [, namespace] = /^ {2}namespace: ([\w-]+)$/m.exec(document) ?? [];
            const base = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
            const path = `${base}${namespace ? `/namespaces/${namespace}` : ''}/${PLURAL[kind] ?? `${kind.toLowerCase()}s`}/${name}`;
            await this.must('PATCH', `${path}?fieldManager=interop&force=true&fieldValidation=Strict`, document, { type: 'application/apply-patch+yaml' });
            applied.push({ kind, name, namespace, path });
        }
        return applied;
    }

    /** A token of a service account (TokenRequest), bound to a pod as the kubelet asks for it; returns the token. */
    async token(namespace, account, { audiences, pod, seconds = 600 } = {}) {
        const bound = pod && { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid };
        const spec = { audiences, expirationSeconds: seconds, ...(bound && { boundObjectRef: bound }) };
        const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
        return (await this.must('POST', path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec })).status.token;
    }
}

const PLURAL = { Namespace: 'namespaces', ConfigMap: 'configmaps' };

function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}
