from perdure.sdk import codec as codec
