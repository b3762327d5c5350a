"""Finishes a deployment on the emulator and tells what was deployed, as JSON.

    deployed.py STACK

The emulator makes the HTTP API of a SAM template but not its routes: it ignores the OpenAPI `Body`. So the routes and
integrations that the processed template asks for are created through API Gateway's own API, as AWS would have done.

On AWS the API has a host name, by which requests say where third parties find it. The emulator serves all APIs under its
own address, each under a path, so whoever needs the address is told: what `PublicUrl` is for, and known only now.
"""

import json
import re
import sys

import boto3

# The functions that tell third parties where the API is.
TELLING = ["IntegrationsApiFunction"]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}


def main(stack):
    cloudformation, gateway, functions = (
        boto3.client(name) for name in ("cloudformation", "apigatewayv2", "lambda")
    )
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if "PhysicalResourceId" in resource
    }
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    if isinstance(processed, str):
        processed = json.loads(processed)

    def function_of(uri):
        """The ARN of the function that an integration's address names by its logical id."""
        text = uri["Fn::Sub"] if isinstance(uri, dict) else uri
        found = re.search(r"functions/\$\{(\w+)(\.Arn)?\}/invocations", text if isinstance(text, str) else text[0])
        if not found:
            raise SystemExit(f"an integration of an unknown kind: {uri}")
        physical = resources[found.group(1)]
        if physical.startswith("arn:"):
            return physical
        return functions.get_function_configuration(FunctionName=physical)["FunctionArn"]

    for logical, resource in processed["Resources"].items():
        body = resource.get("Properties", {}).get("Body")
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or not body or logical not in resources:
            continue
        api = resources[logical]
        integrations = {}
        present = {route["RouteKey"] for route in gateway.get_routes(ApiId=api)["Items"]}
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                key = f"{'ANY' if method.startswith('x-') else method.upper()} {path}"
                if path == "/$default" or path == "$default":
                    key = "$default"
                if method not in METHODS or key in present:
                    continue
                integration = operation["x-amazon-apigateway-integration"]
                arn = function_of(integration["uri"])
                wanted = (arn, integration["payloadFormatVersion"])
                if wanted not in integrations:
                    integrations[wanted] = gateway.create_integration(
                        ApiId=api,
                        IntegrationType="AWS_PROXY",
                        IntegrationMethod=integration["httpMethod"],
                        IntegrationUri=arn,
                        PayloadFormatVersion=integration["payloadFormatVersion"],
                    )["IntegrationId"]
                gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integrations[wanted]}")

        public_url = f"{gateway.meta.endpoint_url}/_aws/execute-api/{api}/$default"
        for telling in TELLING:
            name = resources[telling]
            variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            variables["PUBLIC_URL"] = public_url
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    outputs = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    json.dump(
        {
            "outputs": {output["OutputKey"]: output["OutputValue"] for output in outputs},
            "resources": resources,
        },
        sys.stdout,
    )


main(sys.argv[1])
