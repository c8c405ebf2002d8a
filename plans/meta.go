package plans

// metaFields are what every resource may say beside its kind's own attributes.
func metaFields() []*field {
	lifecycle := fixedSchema([]*field{
		own("keep"), own("prevent_removal"), static("ignore_changes"),
		ownBlocks("precondition", conditionFields()), ownBlocks("postcondition", conditionFields()),
	})
	once := ownBlocks("lifecycle", nil)
	once.block, once.repeated, once.pointer = lifecycle, false, true
	return []*field{
		own("for_each"), own("count"), own("when"), static("depends_on"), own("absent"), own("timeout"), once,
	}
}

func planFields() []*field { return []*field{own("name")} }

func variableFields() []*field {
	return []*field{
		static("type"), own("default"), own("sensitive"), own("nullable"), own("description"),
		ownBlocks("validation", conditionFields()),
	}
}

func outputFields() []*field {
	value := own("value")
	value.required = true
	return []*field{value, own("description"), own("sensitive")}
}

func checkFields() []*field { return []*field{ownBlocks("assert", conditionFields())} }

// callFields are what a module block may say beside the arguments.
func callFields() []*field {
	return []*field{own("for_each"), own("count"), own("when"), static("source"), static("depends_on")}
}

func conditionFields() []*field {
	condition, message := own("condition"), own("error_message")
	condition.required, message.required = true, true
	return []*field{condition, message}
}

// own is an attribute of the language itself.
func own(name string) *field { return &field{name: name, index: -1} }

// static is an attribute whose expression is names and not a value.
func static(name string) *field { return &field{name: name, index: -1, static: true} }

// ownBlocks is a nested block, any number of them, of the language itself.
func ownBlocks(name string, fields []*field) *field {
	return &field{name: name, index: -1, block: fixedSchema(fields), repeated: true}
}

// fixedSchema is the schema of a block of the language itself.
func fixedSchema(fields []*field) *schema {
	s := &schema{fields: fields}
	if err := s.index(); err != nil {
		panic(err) // the lists of fields are fixed
	}
	return s
}
