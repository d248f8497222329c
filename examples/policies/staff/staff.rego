# An assistant acts for a manager. What she may do stands in `allow`; what it may not do of that, in `deny`; and what is
# done besides, in `obligations`.
package prokura

# ---- what people may do -------------------------------------------------------------------------------------------

allow if {
	input.action in {"view", "modify", "raise", "delete"}
	input.subject.type == "User"
	input.resource.type == "Employee"
	input.resource.properties.manager.__entity == {"type": "User", "id": input.subject.id}
	same_company
}

allow if {
	input.action == "view"
	input.resource.type == "Employee"
	belongs_to(input.subject, "Group", "hr")
	same_company
}

allow if {
	input.action == "list"
	input.subject.type == "User"
	input.resource.type == "Tool"
}

allow if {
	input.action == "export"
	input.resource.type == "Tool"
	belongs_to(input.subject, "Role", "manager")
}

same_company if input.resource.properties.tenant == input.subject.properties.tenant

belongs_to(who, type, id) if {"type": type, "id": id} in who.ancestors

# ---- what nobody may ----------------------------------------------------------------------------------------------

deny contains "a status is active, leave or notice" if {
	input.action == "modify"
	not known_status
}

deny contains "who left stays as is" if {
	input.action in {"modify", "raise"}
	input.resource.properties.status == "left"
}

deny contains "raises are at most 10 percent" if {
	input.action == "raise"
	not small_raise
}

deny contains "raises need a second factor" if {
	input.action == "raise"
	not second_factor
}

known_status if input.arguments.status in {"active", "leave", "notice"}

small_raise if {
	is_number(input.arguments.percent)
	input.arguments.percent > 0
	input.arguments.percent <= 10
}

second_factor if input.subject.properties.acr == "mfa"

# ---- what agents may not, whomever they act for -------------------------------------------------------------------

by_agent if input.actor

deny contains "agents never delete" if {
	by_agent
	input.action == "delete"
}

deny contains "only assistants act for people" if {
	by_agent
	not belongs_to(input.actor, "Group", "assistants")
}

deny contains "the scope staff:read is missing" if {
	by_agent
	input.action in {"view", "list", "export"}
	not "staff:read" in input.context.scopes
}

deny contains "the scope staff:write is missing" if {
	by_agent
	input.action in {"modify", "raise"}
	not "staff:write" in input.context.scopes
}

# ---- what is done besides -----------------------------------------------------------------------------------------

obligations contains {"type": "redact", "with": "$..ssn, $..iban"} if {
	by_agent
	input.action in {"view", "export"}
}

obligations contains {"type": "rows", "with": "view Employee by id: $.employees"} if input.action == "export"

obligations contains {
	"type": "approval",
	"with": "1 of hr for 600s: a raise was asked for by an agent",
} if {
	by_agent
	input.action == "raise"
}

obligations contains {"type": "review", "with": "an agent changed somebody's status"} if {
	by_agent
	input.action == "modify"
}
