# An assistant acts for a manager. What she may do stands in `allow`; what it may not do of that, in `deny`; and what is
# done besides, in `obligation`.

# ---- what people may do -------------------------------------------------------------------------------------------

allow(user: User, action, employee: Employee) if
  action in ["view", "modify", "raise", "delete"] and
  employee.has("manager") = true and
  employee.manager = user and
  employee.tenant = user.tenant;

allow(user: User, "view", employee: Employee) if
  user.is_in("Group", "hr") = true and
  employee.has("tenant") = true and
  employee.tenant = user.tenant;

allow(_user: User, "list", _tool: Tool);

allow(user: User, "export", _tool: Tool) if
  user.is_in("Role", "manager") = true;

# ---- what nobody may ----------------------------------------------------------------------------------------------

deny(_subject, "modify", _resource, request) if
  not request.arguments.status in ["active", "leave", "notice"];

deny(_subject, action, employee: Employee, _request) if
  action in ["modify", "raise"] and
  employee.status = "left";

deny(_subject, "raise", _resource, request) if
  not small_raise(request);

deny(user: User, "raise", _resource, _request) if
  not second_factor(user);

small_raise(request) if
  percent = request.arguments.percent and
  percent matches Integer and
  percent > 0 and
  percent <= 10;

second_factor(user: User) if
  user.has("acr") = true and
  user.acr = "mfa";

# ---- what agents may not, whomever they act for -------------------------------------------------------------------

by_agent(request) if
  actor = request.actor and
  actor matches Agent;

deny(_subject, "delete", _resource, request) if
  by_agent(request);

deny(_subject, _action, _resource, request) if
  by_agent(request) and
  actor = request.actor and
  actor.is_in("Group", "assistants") = false;

deny(_subject, action, _resource, request) if
  by_agent(request) and
  needs(action, scope) and
  not scope in request.context.scopes;

needs("view", "staff:read");
needs("list", "staff:read");
needs("export", "staff:read");
needs("modify", "staff:write");
needs("raise", "staff:write");

# ---- what is done besides -----------------------------------------------------------------------------------------

obligation(_subject, action, _resource, request, "redact", "$..ssn, $..iban") if
  action in ["view", "export"] and
  by_agent(request);

obligation(_subject, "export", _resource, _request, "rows", "view Employee by id: $.employees");

obligation(_subject, "raise", _resource, request, "approval", "1 of hr for 600s: a raise was asked for by an agent") if
  by_agent(request);

obligation(_subject, "modify", _resource, request, "review", "an agent changed somebody's status") if
  by_agent(request);
