// What the "everything" server offers: every tool, resource and prompt that the foreign conformance suite asks a
// server for, plus one tool whose argument is mirrored into a header (SEP-2243) and one that answers slowly.
//
// A catalogue entry is data wherever it can be; `run` gets (arguments, context) and returns a result.

import { acceptedContent, fromJsonSchema, inputRequired, inputResponse } from '@modelcontextprotocol/server';

/** A red pixel (PNG) and one silent sample (WAV): the smallest well-formed files of their kind. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==';
export const SILENCE = Buffer.concat([
    Buffer.from('RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0', 'latin1'),
    Buffer.from([0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0]),
    Buffer.from('data\x02\0\0\0\0\0', 'latin1')
]).toString('base64');

const pause = ms => new Promise(done => setTimeout(done, ms));
const text = value => ({ type: 'text', text: value });
const says = value => ({ content: [text(value)] });
const image = () => ({ type: 'image', data: PIXEL, mimeType: 'image/png' });
const embedded = (uri, mimeType, value) => ({ type: 'resource', resource: { uri, mimeType, text: value } });
const object = (properties = {}, required = []) => ({ type: 'object', properties, required });
const string = description => (description ? { type: 'string', description } : { type: 'string' });

/** An elicitation that wants exactly one member, by the name the suite expects. */
const ask = (message, member, schema = string()) =>
    inputRequired.elicit({ message, requestedSchema: object({ [member]: schema }, [member]) });
/** The member that a person filled in, or undefined if the answer is absent, declined or of another type. */
function answered(ctx, key, member, type = 'string') {
    const value = acceptedContent(ctx.mcpReq.inputResponses, key)?.[member];
    return typeof value === type ? value : undefined;
}
const sample = (prompt, maxTokens) =>
    inputRequired.createMessage({ messages: [{ role: 'user', content: text(prompt) }], maxTokens });
function sampled(ctx, key) {
    const view = inputResponse(ctx.mcpReq.inputResponses, key);
    if (view.kind !== 'sampling') return undefined;
    const content = Array.isArray(view.result.content) ? view.result.content[0] : view.result.content;
    return content?.text ?? '';
}
function roots(ctx, key) {
    const view = inputResponse(ctx.mcpReq.inputResponses, key);
    return view.kind === 'roots' ? view.roots : undefined;
}
const declared = ctx => ctx.mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? {};

const ENUM_FORMS = {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: {
        type: 'string',
        oneOf: [['value1', 'First Option'], ['value2', 'Second Option'], ['value3', 'Third Option']].map(([c, t]) => ({ const: c, title: t }))
    },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: {
        type: 'array',
        items: { anyOf: [['value1', 'First Choice'], ['value2', 'Second Choice'], ['value3', 'Third Choice']].map(([c, t]) => ({ const: c, title: t })) }
    }
};
const DEFAULTED = {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true }
};
const RICH_SCHEMA = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string(), city: string() } } },
    properties: { name: string(), address: { $ref: '#/$defs/address' }, contactMethod: { type: 'string', enum: ['phone', 'email'] }, phone: string(), email: string() },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false
};

/**
 * A request to the client belongs in the stream of the call that it is about (2025-11-25, Streamable HTTP). Sent into
 * the session's own stream it would be lost whenever that stream is not open yet, which the client does not wait for.
 */
const within = ctx => ({ relatedRequestId: ctx.mcpReq.id });

/** Elicitation by a direct request to the client: the 2025 way, of which the suite has its own cases. */
async function pushed(ctx, message, properties, required, sentence) {
    const answer = await ctx.mcpReq.elicitInput({ mode: 'form', message, requestedSchema: object(properties, required) }, within(ctx));
    return says(sentence(answer));
}

/** name → { about, schema?, run }; `notify` announces changes of a list, `codec` seals request state. */
export function tools({ notify, codec }) {
    const stated = async (ctx, payload, inputRequests) => inputRequired({ inputRequests, requestState: await codec.mint(payload, ctx) });
    return {
        test_simple_text: { about: 'Answers with one line of text', run: () => says('This is a simple text response for testing.') },
        test_image_content: { about: 'Answers with an image', run: () => ({ content: [image()] }) },
        test_audio_content: { about: 'Answers with a sound', run: () => ({ content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] }) },
        test_embedded_resource: {
            about: 'Answers with an embedded resource',
            run: () => ({ content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')] })
        },
        test_multiple_content_types: {
            about: 'Answers with text, an image and a resource',
            run: () => ({ content: [text('Multiple content types test:'), image(), embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}')] })
        },
        test_error_handling: { about: 'Always fails', run: () => ({ isError: true, ...says('This tool intentionally returns an error for testing') }) },
        test_tool_with_logging: {
            about: 'Logs three lines while it works',
            run: async (_, ctx) => {
                for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
                    await ctx.mcpReq.log('info', line, 'everything');
                    await pause(50);
                }
                return says('Logged three lines');
            }
        },
        test_logging_tool: {
            about: 'Logs one line, if the caller asked for logs',
            run: async (_, ctx) => (await ctx.mcpReq.log('info', 'A line for those who asked', 'everything'), says('Logged'))
        },
        test_tool_with_progress: {
            about: 'Reports its progress three times',
            run: async (_, ctx) => {
                const progressToken = ctx.mcpReq._meta?.progressToken;
                for (const progress of [0, 50, 100]) {
                    if (progressToken !== undefined) {
                        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
                    }
                    await pause(50);
                }
                return says('Done in three steps');
            }
        },
        test_sampling: {
            about: 'Asks the client to sample a model (2025 eras)',
            schema: object({ prompt: string('What to ask the model') }, ['prompt']),
            run: async ({ prompt }, ctx) => {
                const answer = await ctx.mcpReq.requestSampling({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 }, within(ctx));
                const content = Array.isArray(answer.content) ? answer.content[0] : answer.content;
                return says(`LLM response: ${content?.text ?? ''}`);
            }
        },
        test_elicitation: {
            about: 'Asks the person a question (2025 eras)',
            schema: object({ message: string('What to ask') }, ['message']),
            run: ({ message }, ctx) =>
                pushed(ctx, message, { username: string("User's response"), email: string("User's email address") }, ['username', 'email'],
                    answer => `User response: action: ${answer.action}, content: ${JSON.stringify(answer.content ?? {})}`)
        },
        test_elicitation_sep1034_defaults: {
            about: 'Asks with a default for every primitive type',
            run: (_, ctx) => pushed(ctx, 'Please review the defaults', DEFAULTED, [], a => `Elicitation completed: action=${a.action}, content=${JSON.stringify(a.content ?? {})}`)
        },
        test_elicitation_sep1330_enums: {
            about: 'Asks with every form of enumeration',
            run: (_, ctx) => pushed(ctx, 'Please choose', ENUM_FORMS, [], a => `Elicitation completed: action=${a.action}, content=${JSON.stringify(a.content ?? {})}`)
        },
        test_reconnection: {
            about: 'Ends its stream before it answers; the answer waits for whoever resumes (2025 eras)',
            run: async (_, ctx) => {
                await pause(50);
                ctx.http?.closeSSE?.();
                await pause(100);
                return says('Delivered after the stream was resumed');
            }
        },
        json_schema_2020_12_tool: { about: 'Has every keyword of JSON Schema 2020-12 in its schema', schema: RICH_SCHEMA, run: args => says(JSON.stringify(args)) },
        test_custom_headers: {
            about: 'Its region is mirrored into a header',
            schema: object({ region: { type: 'string', 'x-mcp-header': 'Region' } }, ['region']),
            run: ({ region }) => says(`Region: ${region}`)
        },
        test_slow: {
            about: 'Waits as long as it is told, at most ten seconds',
            schema: object({ ms: { type: 'integer', minimum: 0, maximum: 10000 } }, ['ms']),
            run: async ({ ms }) => (await pause(ms), says(`Waited ${ms} ms`))
        },
        test_seen_headers: {
            about: 'Names the request headers that reached this server, with no values, and whether any credential did',
            run: (_, ctx) => says(JSON.stringify([...ctx.http.req.headers.keys()].sort()))
        },
        test_missing_capability: {
            about: 'Needs a client that can sample: without, the SDK answers -32021 in the place of the request',
            run: (_, ctx) => {
                const answer = sampled(ctx, 'question');
                return answer === undefined ? inputRequired({ inputRequests: { question: sample('Can you sample?', 10) } }) : says(answer);
            }
        },
        test_streaming_elicitation: {
            about: 'Asks for input in its result, never by a request of its own',
            run: (_, ctx) => {
                const name = answered(ctx, 'user_name', 'name');
                return name === undefined ? inputRequired({ inputRequests: { user_name: ask('What is your name?', 'name') } }) : says(`Hello, ${name}!`);
            }
        },
        test_trigger_tool_change: { about: 'Announces that the list of tools changed', run: () => (notify().toolsChanged(), says('Announced')) },
        test_trigger_prompt_change: { about: 'Announces that the list of prompts changed', run: () => (notify().promptsChanged(), says('Announced')) },
        test_input_required_result_elicitation: {
            about: 'Asks for a name, then greets',
            run: (_, ctx) => {
                const name = answered(ctx, 'user_name', 'name');
                return name === undefined ? inputRequired({ inputRequests: { user_name: ask('What is your name?', 'name') } }) : says(`Hello, ${name}!`);
            }
        },
        test_input_required_result_sampling: {
            about: 'Asks a model, then repeats its answer',
            run: (_, ctx) => {
                const answer = sampled(ctx, 'capital_question');
                return answer === undefined ? inputRequired({ inputRequests: { capital_question: sample('What is the capital of France?', 100) } }) : says(`The model says: ${answer}`);
            }
        },
        test_input_required_result_list_roots: {
            about: "Asks for the client's roots, then lists them",
            run: (_, ctx) => {
                const listed = roots(ctx, 'client_roots');
                return listed === undefined ? inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } }) : says(`Roots: ${listed.map(root => root.uri).join(', ')}`);
            }
        },
        test_input_required_result_request_state: {
            about: 'Asks for a confirmation under sealed state',
            run: async (_, ctx) =>
                answered(ctx, 'confirm', 'ok', 'boolean') !== undefined && ctx.mcpReq.requestState()?.step === 'confirm'
                    ? says('state-ok')
                    : stated(ctx, { step: 'confirm' }, { confirm: ask('Please confirm', 'ok', { type: 'boolean' }) })
        },
        test_input_required_result_tampered_state: {
            about: 'Refuses state that it did not seal',
            run: async (_, ctx) =>
                answered(ctx, 'confirm', 'ok', 'boolean') !== undefined && ctx.mcpReq.requestState()?.step === 'tamper'
                    ? says('state-ok')
                    : stated(ctx, { step: 'tamper' }, { confirm: ask('Please confirm', 'ok', { type: 'boolean' }) })
        },
        test_input_required_result_multiple_inputs: {
            about: 'Asks for three things at once',
            run: async (_, ctx) => {
                const [name, greeting, listed] = [answered(ctx, 'user_name', 'name'), sampled(ctx, 'greeting'), roots(ctx, 'client_roots')];
                if (name !== undefined && greeting !== undefined && listed !== undefined && ctx.mcpReq.requestState()?.step === 'several') {
                    return says(`${greeting} ${name}: ${listed.length} root(s)`);
                }
                return stated(ctx, { step: 'several' }, {
                    user_name: ask('What is your name?', 'name'),
                    greeting: sample('Generate a greeting', 50),
                    client_roots: inputRequired.listRoots()
                });
            }
        },
        test_input_required_result_multi_round: {
            about: 'Asks twice, each time under new state',
            run: async (_, ctx) => {
                const state = ctx.mcpReq.requestState();
                const colour = answered(ctx, 'step2', 'color');
                if (state?.step === 2 && colour !== undefined) return says(`${state.name} likes ${colour}`);
                const name = answered(ctx, 'step1', 'name');
                if (state?.step === 1 && name !== undefined) return stated(ctx, { step: 2, name }, { step2: ask('Step 2: What is your favorite color?', 'color') });
                return stated(ctx, { step: 1 }, { step1: ask('Step 1: What is your name?', 'name') });
            }
        },
        test_input_required_result_capabilities: {
            about: 'Asks only for what the client said it can do',
            run: (_, ctx) => {
                const can = declared(ctx);
                const inputRequests = {
                    ...(can.elicitation && { name: ask('What is your name?', 'name') }),
                    ...(can.sampling && { greeting: sample('Generate a greeting', 50) }),
                    ...(can.roots && { roots: inputRequired.listRoots() })
                };
                const open = Object.keys(inputRequests).filter(key => ctx.mcpReq.inputResponses?.[key] === undefined);
                return open.length > 0 ? inputRequired({ inputRequests }) : says('Asked for nothing more');
            }
        }
    };
}

/** Fixed resources: uri → { name, about, mimeType, contents }. */
export const RESOURCES = {
    'test://static-text': { name: 'static-text', about: 'A fixed text', mimeType: 'text/plain', contents: { text: 'This is the content of the static text resource.' } },
    'test://static-binary': { name: 'static-binary', about: 'A fixed image', mimeType: 'image/png', contents: { blob: PIXEL } },
    'test://watched-resource': { name: 'watched-resource', about: 'A resource to subscribe to', mimeType: 'text/plain', contents: { text: 'Watched.' } },
    'test://embedded-resource': { name: 'embedded-resource', about: 'What a tool embeds', mimeType: 'text/plain', contents: { text: 'This is an embedded resource content.' } }
};

export const TEMPLATE = {
    name: 'template',
    uri: 'test://template/{id}/data',
    about: 'Data by id',
    mimeType: 'application/json',
    read: id => JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
};

const user = content => ({ role: 'user', content });

/** name → { about, schema?, completes?, run }. */
export const PROMPTS = {
    test_simple_prompt: { about: 'One line', run: () => ({ messages: [user(text('This is a simple prompt for testing.'))] }) },
    test_prompt_with_arguments: {
        about: 'Repeats its two arguments',
        arguments: { arg1: 'First test argument', arg2: 'Second test argument' },
        completes: { arg1: ['paris', 'park', 'party'], arg2: ['world', 'words'] },
        run: ({ arg1, arg2 }) => ({ messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))] })
    },
    test_prompt_with_embedded_resource: {
        about: 'Embeds the resource that is named',
        arguments: { resourceUri: 'URI of the resource to embed' },
        run: ({ resourceUri }) => ({
            messages: [user(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')), user(text('Please process the embedded resource above.'))]
        })
    },
    test_prompt_with_image: { about: 'Shows an image', run: () => ({ messages: [user(image()), user(text('Please analyze the image above.'))] }) },
    test_input_required_result_prompt: {
        about: 'Asks for its context first',
        run: (_, ctx) => {
            const context = answered(ctx, 'user_context', 'context');
            return context === undefined
                ? inputRequired({ inputRequests: { user_context: ask('What context should the prompt use?', 'context') } })
                : { messages: [user(text(`In the context of ${context}`))] };
        }
    }
};

export const toolSchema = schema => fromJsonSchema(schema ?? object());
