# Made by agent0-converge models lock. Edit nothing by hand but names.
chat = {
  url     = "https://models.example.com/chat-8b-q4_k_m.gguf"
  mirrors = ["https://mirror.example.com/chat-8b-q4_k_m.gguf"]
  sha256  = "5ce8a4a8ab8b8a1e2b9d3c1a7f60d9d5a1f5c9b7be9d1a03d1b0b8f1c4c1e0a7"
  size    = 104857600
}

large = {
  file   = "large-00001-of-00003.gguf"
  url    = "https://models.example.com/large-00001-of-00003.gguf"
  sha256 = "9d4e1b7a3c5f80264e9b1d7c3a5f8e02b46d9c1f7a3e5b80d2c4f6a8e1b3d597"
  size   = 52428800
  shards = [
    {
      name   = "large-00002-of-00003.gguf"
      url    = "https://models.example.com/large-00002-of-00003.gguf"
      sha256 = "2f6a9c3e7b1d508492f6a9c3e7b1d508492f6a9c3e7b1d50849a3c5e7f9b1d30"
      size   = 52428800
    },
    {
      name   = "large-00003-of-00003.gguf"
      url    = "https://models.example.com/large-00003-of-00003.gguf"
      sha256 = "71c3e5a7f9b0d2846c1e3f5a7b9d0c2e4f6a8b0c2d4e6f80a1c3e5b7d9f02468"
      size   = 12582912
    },
  ]
}
