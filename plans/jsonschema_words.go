package plans

// ownField is what the language says of one of its own names.
type ownField struct{ typ, words string }

// ownFields are the names of the language itself, by their paths.
func ownFields() map[string]ownField {
	return map[string]ownField{
		"plan":     {"", "Names the plan on its host."},
		"locals":   {"", "Values by name, for local.NAME."},
		"variable": {"", "What is given to the plan, as var.NAME."},
		"output":   {"", "A value that is handed to whoever applied the plan, or uses the module."},
		"check":    {"", "Conditions of which a run warns that they do not hold."},
		"module":   {"", "A folder of resources, with the values of its variables."},

		"name":        {"planName", "What the plan is called on its host."},
		"type":        {"words", "The type, as in list(string) or object({ port = optional(number, 80) })."},
		"default":     {"any", "The value where none is given; without it, one has to be given."},
		"sensitive":   {"bool", "Whether nothing may show the value."},
		"nullable":    {"bool", "Whether the value may be null."},
		"description": {"string", "What it is for."},
		"value":       {"any", "The value."},
		"validation":  {"", "What must hold for the value."},
		"assert":      {"", "One of the conditions."},
		"source":      {"folder", "The module's folder, relative to this file: it starts with ./ or ../."},

		"for_each":   {"each", "A map, or a set or list of strings: one of these for each, with each.key and each.value."},
		"count":      {"integer", "How many of these there are, with count.index."},
		"when":       {"bool", "false leaves it out: what is on the host stays as it is."},
		"depends_on": {"references", "Resources and modules that come first although nothing refers to them."},
		"absent":     {"bool", "true wants the thing gone."},
		"timeout":    {"duration", "How long one change may take, as in \"30s\" or \"10m\"."},
		"lifecycle":  {"", "How it is kept, and what must hold before and after."},

		"keep":            {"bool", "true leaves the thing on the host when the plan no longer has it."},
		"prevent_removal": {"bool", "true makes a plan that would remove the thing an error."},
		"ignore_changes":  {"names", "Attributes that are set when the thing is created and then left alone."},
		"precondition":    {"", "What must hold before the change."},
		"postcondition":   {"", "What must hold after the change, with what was read back as self."},
		"condition":       {"bool", "What must hold."},
		"error_message":   {"string", "What is said where it does not."},
	}
}

// ownWords says what a name of the language itself means, by the last name of its path.
func ownWords(path ...string) string { return ownFields()[path[len(path)-1]].words }

// ownType is the definition of what the attribute takes.
func ownType(name string) string {
	if t := ownFields()[name].typ; t != "" {
		return t
	}
	panic("the language has no attribute " + name)
}

// Argument is one of the arguments that the language itself has.
type Argument struct{ Name, Words string }

// Arguments lists what every resource may say beside its kind's own attributes.
func Arguments() []Argument {
	var out []Argument
	for _, f := range metaFields() {
		out = append(out, Argument{f.name, ownWords(f.name)})
	}
	return out
}
