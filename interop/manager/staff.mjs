// Who works there, and what policies are told of them.

/** Whom `auto_approve_user` signs in; her assistant; another manager. */
export const MIA = 'usr_mia';
export const ASSISTANT = 'agt_assistant';
const MAX = 'usr_max';

const someone = (id, name, manager, tenant, status = 'active') => ({ id, name, manager, tenant, status, salary: 60_000, ssn: `ssn-of-${id}`, bank: { iban: `iban-of-${id}` } });

/** The personnel file, with what is nobody's business. */
export const staff = () => [
    someone('e1', 'Ada', MIA, 'acme'),
    someone('e2', 'Bo', MIA, 'acme', 'leave'),
    someone('e3', 'Cyd', MAX, 'acme'),
    someone('e4', 'Dee', MIA, 'acme'),
    someone('e9', 'Eli', MIA, 'globex')
];

/** What policies are told: who manages whom, and nothing that is personal; and of Mia, how surely she signs in. */
export function entities() {
    const user = id => ({ type: 'User', id });
    const employees = staff().map(({ id, manager, tenant, status }) => ({
        uid: { type: 'Employee', id },
        attrs: { manager: { __entity: user(manager) }, tenant, status },
        parents: []
    }));
    return [{ uid: user(MIA), attrs: { tenant: 'acme', acr: 'mfa' }, parents: [] }, ...employees];
}
