// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// The messages of OpenShell, written down by hand from what they look like on the
// wire, so that protobuf's own JSON has an opinion about our documents:
// name:number:type, "*" for repeated, "%" for a map from strings, "?" for optional.
var (
	sandboxMessages = map[string]string{
		"SandboxPolicy": "version:1:uint32 filesystem:2:FilesystemPolicy landlock:3:LandlockPolicy process:4:ProcessPolicy " +
			"network_policies:5:%NetworkPolicyRule network_middlewares:6:%NetworkMiddlewareConfig",
		"FilesystemPolicy":           "include_workdir:1:bool read_only:2:*string read_write:3:*string",
		"LandlockPolicy":             "compatibility:1:string",
		"ProcessPolicy":              "run_as_user:1:string run_as_group:2:string",
		"NetworkPolicyRule":          "name:1:string endpoints:2:*NetworkEndpoint binaries:3:*NetworkBinary",
		"NetworkMiddlewareConfig":    "name:1:string middleware:2:string config:3:.google.protobuf.Struct on_error:4:string endpoints:5:MiddlewareEndpointSelector order:6:int32",
		"MiddlewareEndpointSelector": "include:1:*string exclude:2:*string",
		"NetworkCredentialBinding":   "provider:1:string",
		"NetworkEndpoint": "host:1:string port:2:uint32 protocol:3:string tls:4:string enforcement:5:string access:6:string rules:7:*L7Rule " +
			"allowed_ips:8:*string ports:9:*uint32 deny_rules:10:*L7DenyRule allow_encoded_slash:11:bool persisted_queries:12:string " +
			"graphql_persisted_queries:13:%GraphqlOperation graphql_max_body_bytes:14:uint32 path:15:string websocket_credential_rewrite:16:bool " +
			"request_body_credential_rewrite:17:bool advisor_proposed:18:bool credential_signing:19:string signing_service:20:string " +
			"signing_region:21:string json_rpc_max_body_bytes:22:uint32 mcp:23:McpOptions credential_binding:24:NetworkCredentialBinding " +
			"allow_uninspected_credentials:25:bool provider_credentialed:26:bool",
		"McpOptions":       "strict_tool_names:1:?bool allow_all_known_mcp_methods:2:?bool",
		"GraphqlOperation": "operation_type:1:string operation_name:2:string fields:3:*string",
		"L7DenyRule": "method:1:string path:2:string command:3:string query:4:%L7QueryMatcher operation_type:5:string operation_name:6:string " +
			"fields:7:*string params:9:%L7QueryMatcher",
		"L7Rule": "allow:1:L7Allow",
		"L7Allow": "method:1:string path:2:string command:3:string query:4:%L7QueryMatcher operation_type:5:string operation_name:6:string " +
			"fields:7:*string params:9:%L7QueryMatcher",
		"L7QueryMatcher": "glob:1:string any:2:*string",
		"NetworkBinary":  "path:1:string harness:2:bool",
	}
	profileMessages = map[string]string{
		"ProviderProfile": "id:1:string display_name:2:string description:3:string category:4:!ProviderProfileCategory " +
			"credentials:5:*ProviderProfileCredential endpoints:6:*.openshell.sandbox.v1.NetworkEndpoint binaries:7:*.openshell.sandbox.v1.NetworkBinary " +
			"inference_capable:8:bool discovery:9:ProviderProfileDiscovery resource_version:10:uint64 annotations:11:%string source:12:string scope:13:string",
		"ProviderProfileCredential": "name:1:string description:2:string env_vars:3:*string required:4:bool auth_style:5:string header_name:6:string " +
			"query_param:7:string refresh:8:ProviderCredentialRefresh path_template:9:string token_grant:10:ProviderCredentialTokenGrant",
		"ProviderProfileDiscovery": "credentials:1:*string",
		"ProviderCredentialRefresh": "strategy:1:!ProviderCredentialRefreshStrategy token_url:2:string scopes:3:*string refresh_before_seconds:4:int64 " +
			"max_lifetime_seconds:5:int64 material:6:*ProviderCredentialRefreshMaterial additional_outputs:7:*ProviderCredentialRefreshOutput",
		"ProviderCredentialRefreshMaterial": "name:1:string description:2:string required:3:bool secret:4:bool",
		"ProviderCredentialRefreshOutput":   "output:1:string credential:2:string",
		"ProviderCredentialTokenGrant": "token_endpoint:1:string audience:2:string scopes:3:*string cache_ttl_seconds:4:int64 " +
			"audience_overrides:5:*ProviderCredentialTokenGrantAudienceOverride jwt_svid_audience:6:string client_assertion_type:7:string",
		"ProviderCredentialTokenGrantAudienceOverride": "host:1:string port:2:uint32 path:3:string audience:4:string scopes:5:*string",
	}
	profileEnums = map[string]string{
		"ProviderProfileCategory":           "UNSPECIFIED OTHER INFERENCE AGENT SOURCE_CONTROL MESSAGING DATA KNOWLEDGE",
		"ProviderCredentialRefreshStrategy": "UNSPECIFIED STATIC EXTERNAL OAUTH2_REFRESH_TOKEN OAUTH2_CLIENT_CREDENTIALS GOOGLE_SERVICE_ACCOUNT_JWT AWS_STS_ASSUME_ROLE",
	}
)

var scalars = map[string]descriptorpb.FieldDescriptorProto_Type{
	"string": descriptorpb.FieldDescriptorProto_TYPE_STRING, "bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL,
	"uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32,
	"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64,
}

// What changed in 0.1, up to 0.1.5: message, field, and what it is now; "-" for gone.
var messages01 = []struct{ message, old, now string }{
	{"NetworkEndpoint", "tls:4:string", "tls:4:!NetworkTlsMode"},
	{"NetworkEndpoint", "enforcement:5:string", "enforcement:5:!NetworkEnforcementMode"},
	{"NetworkEndpoint", "access:6:string", "access:6:!NetworkAccessPreset"},
	{"NetworkEndpoint", "", "token_grant_owner:27:string"},
	{"McpOptions", "", "versions:3:*string"},
	{"NetworkBinary", "harness:2:bool", ""},
	{"ProviderProfile", "", "files:14:*ProviderProfileFile"},
	{"ProviderProfileFile", "", "path:1:string content:2:string env_var:3:string"},
	{"ProviderProfileCredential", "", "stable_placeholder:12:bool"},
	{"ProviderCredentialRefresh", "refresh_before_seconds:4:int64", "refresh_before:104:.google.protobuf.Duration"},
	{"ProviderCredentialRefresh", "max_lifetime_seconds:5:int64", "max_lifetime:105:.google.protobuf.Duration"},
	{"ProviderCredentialTokenGrant", "cache_ttl_seconds:4:int64", "cache_ttl:104:.google.protobuf.Duration"},
	{"ProviderCredentialTokenGrant", "", "grant_type:8:!ProviderCredentialTokenGrantType subject_token:9:SubjectToken requested_token_type:10:string"},
	{"SubjectToken", "", "source:1:string credential:2:string subject_token_type:3:string"},
}

var enums01 = map[string]string{
	"NetworkTlsMode":         "UNSPECIFIED SKIP TERMINATE PASSTHROUGH",
	"NetworkEnforcementMode": "UNSPECIFIED ENFORCE AUDIT",
	"NetworkAccessPreset":    "UNSPECIFIED READ_ONLY READ_WRITE FULL",
}

// messagesOf returns the messages of a line.
func messagesOf(t testing.TB, l Line, messages map[string]string) map[string]string {
	t.Helper()
	out := maps.Clone(messages)
	for _, c := range messages01 {
		fields, ok := out[c.message]
		if l < Line01 || !ok && c.old != "" {
			continue
		}
		if !ok && c.message != "SubjectToken" && c.message != "ProviderProfileFile" || !ok && messages["ProviderProfile"] == "" {
			continue
		}
		if !strings.Contains(fields, c.old) {
			t.Fatalf("%s has no %s", c.message, c.old)
		}
		out[c.message] = strings.Replace(fields, c.old, c.now, 1)
		if c.old == "" {
			out[c.message] = fields + " " + c.now
		}
	}
	return out
}

// descriptors returns the message of each type that OpenShell has in a line.
func descriptors(t testing.TB, l Line) map[Type]protoreflect.MessageDescriptor {
	t.Helper()
	sandboxMessages, profileMessages := messagesOf(t, l, sandboxMessages), messagesOf(t, l, profileMessages)
	sandboxEnums, profileEnums := map[string]string{}, maps.Clone(profileEnums)
	if l >= Line01 {
		sandboxEnums = enums01
		profileEnums["ProviderCredentialTokenGrantType"] = "UNSPECIFIED CLIENT_CREDENTIALS TOKEN_EXCHANGE"
	}
	files := new(protoregistry.Files)
	register := func(file *descriptorpb.FileDescriptorProto) protoreflect.MessageDescriptors {
		built, err := protodesc.NewFile(file, files)
		if err != nil {
			t.Fatal(err)
		}
		if err := files.RegisterFile(built); err != nil {
			t.Fatal(err)
		}
		return built.Messages()
	}
	register(protodesc.ToFileDescriptorProto(structpb.File_google_protobuf_struct_proto))
	register(protodesc.ToFileDescriptorProto(durationpb.File_google_protobuf_duration_proto))
	sandbox := register(fileOf(t, "sandbox.proto", "openshell.sandbox.v1", sandboxMessages, sandboxEnums, "google/protobuf/struct.proto"))
	profile := register(fileOf(t, "openshell.proto", "openshell.v1", profileMessages, profileEnums, "sandbox.proto", "google/protobuf/duration.proto"))
	return map[Type]protoreflect.MessageDescriptor{
		SandboxPolicy: sandbox.ByName("SandboxPolicy"), ProviderProfile: profile.ByName("ProviderProfile"),
	}
}

func fileOf(t testing.TB, name, pkg string, messages, enums map[string]string, imports ...string) *descriptorpb.FileDescriptorProto {
	file := &descriptorpb.FileDescriptorProto{Name: proto.String(name), Package: proto.String(pkg), Syntax: proto.String("proto3"), Dependency: imports}
	for name, fields := range messages {
		m := &descriptorpb.DescriptorProto{Name: proto.String(name)}
		for _, spec := range strings.Fields(fields) {
			addField(t, m, pkg, spec)
		}
		file.MessageType = append(file.MessageType, m)
	}
	for name, values := range enums {
		e := &descriptorpb.EnumDescriptorProto{Name: proto.String(name)}
		for i, value := range strings.Fields(values) {
			e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{Name: proto.String(upperSnake(name) + "_" + value), Number: proto.Int32(int32(i))})
		}
		file.EnumType = append(file.EnumType, e)
	}
	return file
}

func addField(t testing.TB, m *descriptorpb.DescriptorProto, pkg, spec string) {
	var name, kind string
	var number int32
	if n, err := fmt.Sscanf(strings.ReplaceAll(spec, ":", " "), "%s %d %s", &name, &number, &kind); n != 3 || err != nil {
		t.Fatalf("%q: %v", spec, err)
	}
	f := &descriptorpb.FieldDescriptorProto{Name: proto.String(name), Number: proto.Int32(number), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	m.Field = append(m.Field, f)
	switch kind[0] {
	case '*':
		f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		setType(f, pkg, kind[1:])
	case '?':
		f.Proto3Optional, f.OneofIndex = proto.Bool(true), proto.Int32(int32(len(m.OneofDecl)))
		m.OneofDecl = append(m.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: proto.String("_" + name)})
		setType(f, pkg, kind[1:])
	case '%':
		addMap(m, f, pkg, kind[1:])
	default:
		setType(f, pkg, kind)
	}
}

// addMap makes the field a repeated entry, as maps are.
func addMap(m *descriptorpb.DescriptorProto, f *descriptorpb.FieldDescriptorProto, pkg, value string) {
	entry := &descriptorpb.DescriptorProto{
		Name:    proto.String(camel(f.GetName()) + "Entry"),
		Options: &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)},
	}
	for i, kind := range []string{"string", value} {
		side := &descriptorpb.FieldDescriptorProto{Name: proto.String([]string{"key", "value"}[i]), Number: proto.Int32(int32(i + 1)), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		setType(side, pkg, kind)
		entry.Field = append(entry.Field, side)
	}
	m.NestedType = append(m.NestedType, entry)
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	f.Type, f.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String("."+pkg+"."+m.GetName()+"."+entry.GetName())
}

func setType(f *descriptorpb.FieldDescriptorProto, pkg, kind string) {
	if scalar, ok := scalars[kind]; ok {
		f.Type = scalar.Enum()
		return
	}
	f.Type = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum()
	if enum, ok := strings.CutPrefix(kind, "!"); ok {
		f.Type, kind = descriptorpb.FieldDescriptorProto_TYPE_ENUM.Enum(), enum
	}
	if !strings.HasPrefix(kind, ".") {
		kind = "." + pkg + "." + kind
	}
	f.TypeName = proto.String(kind)
}

func camel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func upperSnake(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToUpper(b.String())
}
